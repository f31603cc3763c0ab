import type { FoundPackage } from "../../inventory.ts";
import { type Findings, fileLimits, mostPackages, type PackageDatabase, plainText, UnreadableDatabase } from "../database.ts";
import { lines } from "../stanzas.ts";
import { type ZipEntry, zipEntries } from "./zip.ts";

const archive = /\.(?:jar|war|ear|par)$/i;
const deepest = 4;
const mostNested = 10_000;

/**
 * Java archives: by Maven's `pom.properties` in them, also those of shaded packages, otherwise by manifest and file name. Archives inside archives are
 * read, too.
 */
export const java: PackageDatabase = {
  name: "Java archive",
  limit: fileLimits.archive,
  owns: (path) => archive.test(path),
  read({ path, bytes }): Findings {
    const packages: FoundPackage[] = [];
    const troubles = new Set<string>();
    // All unpacked bytes and all archives count, however they are nested. Packed bytes count as often as entries share them.
    const budget = { left: fileLimits.archive, packed: fileLimits.archive * (deepest + 1), archives: mostNested };
    readArchive(path, bytes, 0, { packages, troubles, budget });
    return { packages, troubles: [...troubles].slice(0, 3) };
  },
};

interface Reading {
  readonly packages: FoundPackage[];
  readonly troubles: Set<string>;
  readonly budget: { left: number; packed: number; archives: number };
}

function readArchive(path: string, bytes: Buffer, depth: number, reading: Reading): void {
  const entries = zipEntries(bytes);
  const found = entries.filter(({ name }) => /^META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/.test(name));
  const own = found.map((entry) => mavenPackage(describe(entry, reading))).filter((one) => one !== undefined);
  if (own.length < found.length) reading.troubles.add("a pom.properties in it has no name or version");
  const manifest = entries.find(({ name }) => name.toUpperCase() === "META-INF/MANIFEST.MF");
  const guessed = own.length > 0 ? undefined : guess(path, manifest && describe(manifest, reading));
  for (const one of guessed ? [guessed] : own) {
    if (reading.packages.length >= mostPackages) throw new RangeError(`it has more than ${mostPackages} packages`);
    reading.packages.push(one);
  }
  for (const entry of entries.filter(({ name }) => archive.test(name))) readNested(path, entry, depth + 1, reading);
}

function readNested(path: string, entry: ZipEntry, depth: number, reading: Reading): void {
  if (depth > deepest) {
    reading.troubles.add(`archives in it are nested deeper than ${deepest} times`);
    return;
  }
  if (--reading.budget.archives < 0) {
    reading.troubles.add(`it has more than ${mostNested} archives in it`);
    return;
  }
  try {
    const bytes = unpack(entry, reading);
    readArchive(`${path}/${entry.name}`, bytes, depth, reading);
    entry.free(bytes);
  } catch (error) {
    if (!(error instanceof UnreadableDatabase || error instanceof RangeError)) throw error;
    reading.troubles.add(`${plainText(entry.name) ?? "an archive in it"}: ${"code" in error ? "it is cut off" : error.message}`);
  }
}

/** A file that describes a package is small; one that is not is left out. */
function describe(entry: ZipEntry, reading: Reading): Buffer {
  if (entry.size <= fileLimits.metadata) return unpack(entry, reading);
  reading.troubles.add(`${plainText(entry.name)}: it is larger than the ${fileLimits.metadata} bytes that are read`);
  return Buffer.alloc(0);
}

function unpack(entry: ZipEntry, { budget }: Reading): Buffer {
  budget.packed -= entry.packed;
  if (budget.packed < 0) throw new UnreadableDatabase("its files lie upon each other");
  const bytes = entry.read(budget.left);
  budget.left -= bytes.length;
  return bytes;
}

function mavenPackage(properties: Buffer): FoundPackage | undefined {
  const fields = fieldsOf(properties, /^\s*([\w.]+)\s*[=:]\s*(.*)$/);
  const [group, name, version] = ["groupId", "artifactId", "version"].map((key) => plainText(fields.get(key)));
  return name && version ? { ecosystem: "maven", ...(group && { group }), name, version } : undefined;
}

/** By the file name `artifact-1.2.3.jar`, and the manifest for the rest. */
function guess(path: string, manifest: Buffer | undefined): FoundPackage | undefined {
  const file = (path.split("/").at(-1) ?? "").replace(archive, "");
  const [, artifact, fileVersion] = /^(.{1,300}?)-(\d[\w.+-]{0,200})$/.exec(file) ?? [];
  const fields = manifest ? fieldsOf(manifest, /^([\w-]+):\s*(.*)$/) : new Map<string, string>();
  const first = (...keys: string[]) => keys.map((key) => plainText(fields.get(key))).find(Boolean);
  const version = plainText(fileVersion) ?? first("Implementation-Version", "Specification-Version", "Bundle-Version");
  if (!version) return undefined;
  const name = plainText(artifact) ?? plainText(file) ?? "";
  const group = groupOf(first("Implementation-Vendor-Id", "Bundle-SymbolicName", "Automatic-Module-Name"), name);
  const licence = first("Bundle-License");
  return name ? { ecosystem: "maven", ...(group && { group }), name, version, ...(licence && { licence }) } : undefined;
}

/** A symbolic name is often the group followed by the artifact. */
function groupOf(symbolic: string | undefined, name: string): string | undefined {
  const plain = symbolic?.split(";")[0]?.trim();
  if (!plain || !/^[\w-]+(?:\.[\w-]+)+$/.test(plain)) return undefined;
  return plain.endsWith(`.${name}`) ? plain.slice(0, -name.length - 1) : plain;
}

function fieldsOf(bytes: Buffer, pattern: RegExp): Map<string, string> {
  const fields = new Map<string, string>();
  let read = 0;
  for (const line of lines(bytes)) {
    if (++read > 5_000) break;
    const [, key, value] = pattern.exec(line.slice(0, 2_000)) ?? [];
    if (key !== undefined && value !== undefined && !fields.has(key)) fields.set(key, value.trim());
  }
  return fields;
}
