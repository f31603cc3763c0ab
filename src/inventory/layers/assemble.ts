import type { Digest } from "../../core/images/image-reference.ts";
import { mostPackages, type PackageDatabase, plainText } from "../databases/database.ts";
import { databases } from "../databases/index.ts";
import { exactDistribution } from "../databases/system/os-release.ts";
import type { Completeness, Distribution, ImageContent, InstalledPackage } from "../inventory.ts";
import { packageUrl } from "../purl.ts";
import { type LayerContents, newContents } from "./contents.ts";
import { asObject, type LayerDescriptor, platformOf } from "./manifest.ts";
import { type MergedFile, type MergedLayers, mergeLayers } from "./merge.ts";
import { readPair } from "./read-layer.ts";

export interface ImageParts {
  readonly digest: Digest;
  /** The image's configuration, as its registry has it. */
  readonly config: Buffer;
  readonly layers: readonly LayerDescriptor[];
  /** What was read of each layer. Undefined for skipped ones. */
  readonly contents: readonly (LayerContents | undefined)[];
  /** Why the whole is not complete, as far as that is known. */
  readonly reasons: readonly string[];
}

/** Images of Red Hat name a dozen. */
const mostContentSets = 1_000;

/** The contents of an image, from its layers. Never throws because of the input. */
export function assembleImage({ digest, config, layers, contents, reasons }: ImageParts): ImageContent {
  const merged = mergeLayers(contents.map((layer) => layer ?? newContents()));
  const skipped = layers.flatMap(({ skipped }, index) => (skipped ? [`layer ${index + 1} was not read: ${skipped}`] : []));
  const files = databases.flatMap((database) => effectiveFiles(database, merged));
  const programs = [...merged.files.values()].filter(({ database }) => database === "go");
  const all = [...files, ...programs];
  const distribution = distributionOf(all);
  const packages = packagesOf(all, distribution, originsOf(contents, distribution));
  const troubles = all.flatMap(({ path, trouble, findings }) =>
    [...(trouble ? [trouble] : []), ...(findings?.troubles ?? [])].map((text) => `${plainText(path)}: ${text}`),
  );
  const sets = new Set(all.flatMap(({ findings }) => findings?.contentSets ?? []));
  const tooMany = [
    ...(packages.length > mostPackages ? [`it has more than ${mostPackages} packages`] : []),
    ...(sets.size > mostContentSets ? [`it names more than ${mostContentSets} content sets`] : []),
  ];
  const found = [...reasons, ...skipped, ...merged.troubles, ...lost(merged), ...troubles, ...tooMany];
  return {
    digest,
    ...describeConfig(config),
    ...(distribution && { distribution }),
    ...judge(packages, files, distribution, found),
    layers: layers.map((layer) => layer.digest),
    contentSets: [...sets].toSorted().slice(0, mostContentSets),
    packages: packages.slice(0, mostPackages),
  };
}

/** The files of a database that count. A system's database counts only where the system looks for it. */
function effectiveFiles(database: PackageDatabase, merged: MergedLayers): MergedFile[] {
  const own = [...merged.files.values()].filter((file) => file.database === database.name && database.owns(file.path));
  if (!database.places) return own;
  const real = database.places.map((place) => ({ path: merged.resolve(place), isDirectory: place.endsWith("/") }));
  const isPlaced = ({ path }: MergedFile) =>
    real.some(
      (place) =>
        place.path !== undefined &&
        (place.isDirectory ? path.slice(0, path.lastIndexOf("/")) === place.path : path === place.path),
    );
  return own.filter(isPlaced).map((file) => withCompanion(database, file, merged));
}

/** A log older than its database belongs to a database that is gone. A log of another layer was missing when the file was read. */
function withCompanion(database: PackageDatabase, file: MergedFile, merged: MergedLayers): MergedFile {
  const companion = database.companion ? merged.files.get(`${file.path}${database.companion}`) : undefined;
  const valid = companion && companion.layer >= file.layer ? companion : undefined;
  const asRead = file.isPaired ? file.layer : undefined;
  return valid?.layer === asRead ? file : { ...readPair(database, file, valid), layer: Math.max(file.layer, valid?.layer ?? 0) };
}

/** Databases behind a link to something that was not kept. */
function lost({ files, resolve, isLink }: MergedLayers): string[] {
  return databases
    .filter(({ name }) => /^(?:rpm|dpkg|apk)/.test(name))
    .flatMap(({ places = [] }) => places)
    .filter((place) => isLink(place.replace(/\/$/, "")))
    .filter((place) => !place.endsWith("/") && !files.has(resolve(place) ?? ""))
    .map((place) => `${place} is a link to something that is not a package database`);
}

function distributionOf(files: readonly MergedFile[]): Distribution | undefined {
  const named = (database: string) =>
    files.filter((file) => file.database === database).flatMap(({ findings }) => findings?.distribution ?? []);
  return exactDistribution(named("os-release")[0], named("release file"));
}

/** Sorted by package URL, each once for a layer. */
function packagesOf(
  files: readonly MergedFile[],
  distribution: Distribution | undefined,
  origins: ReadonlyMap<string, number>,
): InstalledPackage[] {
  const packages = new Map<string, InstalledPackage>();
  for (const { path, layer: last, findings } of files) {
    for (const found of findings?.packages ?? []) {
      const url = packageUrl(found, distribution);
      const layer = Math.min(last, origins.get(`${path} ${url}`) ?? last);
      const key = `${url} ${String(layer).padStart(4, "0")}`;
      if (!packages.has(key)) packages.set(key, { ...found, layer, path });
    }
  }
  return [...packages].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
}

/** The lowest layer with this package in a file: a layer that installs one package contains the system's whole list again. */
function originsOf(contents: ImageParts["contents"], distribution: Distribution | undefined): ReadonlyMap<string, number> {
  const origins = new Map<string, number>();
  for (const [layer, { files }] of contents.map((layer) => layer ?? newContents()).entries()) {
    for (const { path, findings } of files) {
      for (const found of findings?.packages ?? []) {
        const key = `${path} ${packageUrl(found, distribution)}`;
        if (!origins.has(key)) origins.set(key, layer);
      }
    }
  }
  return origins;
}

function judge(
  packages: readonly InstalledPackage[],
  files: readonly MergedFile[],
  distribution: Distribution | undefined,
  troubles: readonly string[],
): { completeness: Completeness; reasons: readonly string[] } {
  const hasSystem = files.some(({ database, findings }) => findings && /^(?:rpm|dpkg|apk)/.test(database));
  const reasons = [...new Set(troubles.map((text) => plainText(text) ?? ""))].slice(0, 20);
  if (distribution && !hasSystem) reasons.push(`no package database of ${distribution.family} was found`);
  else if (packages.length === 0 && !hasSystem) reasons.push("no package database was found");
  if (packages.length === 0 && reasons.length > 0) return { completeness: "unknown", reasons };
  return { completeness: reasons.length > 0 ? "partial" : "complete", reasons };
}

/** Labels that name a build's source, OpenShift's first. */
const sourceLabels = ["io.openshift.build.source-location", "org.opencontainers.image.source"];
const commitLabels = ["io.openshift.build.commit.id", "org.opencontainers.image.revision"];

function describeConfig(config: Buffer): Pick<ImageContent, "created" | "platform" | "origin"> {
  const fields = parseObject(config);
  const created = typeof fields.created === "string" ? new Date(fields.created) : undefined;
  const platform = plainText(platformOf(fields));
  const labels = asObject(asObject(fields.config).Labels);
  const first = (names: readonly string[]) =>
    plainText(names.map((name) => labels[name]).find((value) => typeof value === "string"));
  const [source, commit] = [first(sourceLabels), first(commitLabels)];
  const origin = source && safeUrl(source) ? `${source}${commit ? `@${commit}` : ""}` : undefined;
  return {
    ...(isWritable(created) && { created: created.toISOString() }),
    ...(platform && { platform }),
    ...(origin && { origin }),
  };
}

/** RFC 3339 knows years of four digits only. */
function isWritable(time: Date | undefined): time is Date {
  return time !== undefined && time.getTime() >= Date.UTC(1, 0) && time.getTime() < Date.UTC(10_000, 0);
}

/** A source that contains a login is left out. */
function safeUrl(text: string): boolean {
  return !/^[a-z+]+:\/\/[^/]*@/i.test(text);
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(bytes.toString("utf8")));
  } catch {
    return {};
  }
}
