import { createHash } from "node:crypto";
import { repositoryOf } from "../core/images/image-reference.ts";
import type { DocumentFacts, Ecosystem, ImageContent, InstalledPackage } from "./inventory.ts";
import { imageUrl, packageUrl } from "./purl.ts";

/**
 * The CycloneDX document of one content (https://cyclonedx.org/docs/1.6/json/). The same image gives the same bytes, so receivers and registries can see
 * that they have it. Names, properties and package URLs are as Trivy and Dependency-Track expect them.
 */
export function writeDocument(content: ImageContent, { image, specVersion }: DocumentFacts): Buffer {
  const { digest, platform, created } = content;
  const purl = imageUrl({ registry: image.registry, repository: image.repository }, digest, platform);
  const packages = [...new Map(content.packages.map((one) => [packageUrl(one, content.distribution), one]))];
  const components = [...systemComponent(content), ...packages.map(([url, one]) => component(url, one, content))];
  return Buffer.from(
    JSON.stringify({
      $schema: `http://cyclonedx.org/schema/bom-${specVersion}.schema.json`,
      bomFormat: "CycloneDX",
      specVersion,
      serialNumber: `urn:uuid:${uuidOf(purl)}`,
      version: 1,
      metadata: {
        ...(created && { timestamp: created }),
        tools: { components: [{ type: "application", name: "build-watcher" }] },
        component: {
          "bom-ref": purl,
          type: "container",
          name: repositoryOf(image),
          version: digest,
          purl,
          properties: imageProperties(content),
        },
      },
      components,
      dependencies: [
        { ref: purl, dependsOn: components.map((one) => one["bom-ref"]) },
        ...components.map((one) => ({ ref: one["bom-ref"], dependsOn: [] })),
      ],
    }),
  );
}

/** Trivy's names for kinds of packages (aquasecurity/trivy: pkg/fanal/types/const.go). Packages of a system have its family's name. */
const packageTypes: Readonly<Partial<Record<Ecosystem, string>>> = {
  npm: "node-pkg",
  pypi: "python-pkg",
  maven: "jar",
  golang: "gobinary",
};

function component(url: string, one: InstalledPackage, { distribution, layers }: ImageContent) {
  const { group, name, version, licence } = one;
  const type = packageTypes[one.ecosystem] ?? distribution?.family ?? one.ecosystem;
  return {
    "bom-ref": url,
    type: "library",
    ...(group && { group }),
    name,
    ...(version && { version }),
    ...(licence && { licenses: [{ license: { name: licence } }] }),
    purl: url,
    properties: properties({
      "aquasecurity:trivy:FilePath": one.ecosystem in packageTypes ? one.path : undefined,
      "aquasecurity:trivy:LayerDigest": layers[one.layer],
      "aquasecurity:trivy:PkgID": `${name}@${version}${one.architecture ? `.${one.architecture}` : ""}`,
      "aquasecurity:trivy:PkgType": type,
      "aquasecurity:trivy:Modularitylabel": one.modularity,
      ...sourceProperties(one),
    }),
  };
}

/** A source's version, split into the parts that vulnerability data is matched by. */
function sourceProperties({ ecosystem, source }: InstalledPackage): Readonly<Record<string, string | undefined>> {
  if (!source) return {};
  const hasRelease = ecosystem === "rpm" || ecosystem === "deb";
  const [, epoch, version = "", release] = hasRelease
    ? (/^(?:(\d+):)?(.*?)(?:-([^-]*))?$/.exec(source.version) ?? [])
    : [undefined, undefined, source.version];
  return {
    "aquasecurity:trivy:SrcName": source.name,
    "aquasecurity:trivy:SrcVersion": version,
    "aquasecurity:trivy:SrcRelease": release,
    "aquasecurity:trivy:SrcEpoch": epoch,
  };
}

function systemComponent({ distribution }: ImageContent) {
  if (!distribution) return [];
  const { family, version } = distribution;
  const described = { type: "operating-system", name: family, ...(version && { version }) };
  const own = { "aquasecurity:trivy:Class": "os-pkgs", "aquasecurity:trivy:Type": family };
  return [{ "bom-ref": `os:${family}-${version}`, ...described, properties: properties(own) }];
}

function imageProperties({ completeness, reasons, contentSets, layers, origin, platform }: ImageContent) {
  const list = (name: string, values: readonly string[]) => values.map((value) => ({ name, value }));
  return [
    ...list("build-watcher:completeness", [completeness]),
    ...list("build-watcher:contentSet", contentSets),
    ...list("build-watcher:git", origin ? [origin] : []),
    ...list("build-watcher:layer", layers),
    ...list("build-watcher:platform", platform ? [platform] : []),
    ...list("build-watcher:reason", reasons),
  ];
}

/** Sorted by name, without those that have no value. */
function properties(values: Readonly<Record<string, string | undefined>>) {
  const given = Object.entries(values).flatMap(([name, value]) => (value ? [{ name, value }] : []));
  return given.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** A UUID that depends only on its input (RFC 9562, version 8). */
function uuidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
