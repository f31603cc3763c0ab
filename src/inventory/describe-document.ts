import type { DescribedDocument } from "./inventory.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The versions that receivers can read: neither Dependency-Track nor Trustify reads anything newer than CycloneDX 1.6, or SPDX 3. */
const cycloneDxVersions = /^1\.[2-6]$/;
const spdxVersions = /^SPDX-(2\.[23])$/;

/** Reads a bill of materials in JSON. Never throws. Anything else, or one without packages, is `unreadable`, with a reason for people. */
export function describeDocument(bytes: Buffer): DescribedDocument {
  const fields = parse(bytes);
  if (!fields) return unreadable("it is no JSON object");
  if (fields.bomFormat === "CycloneDX") return describeCycloneDx(fields);
  if (typeof fields.spdxVersion === "string") return describeSpdx(fields);
  return unreadable("it is neither CycloneDX nor SPDX 2");
}

function describeCycloneDx({ specVersion, components, compositions, metadata }: Fields): DescribedDocument {
  const version = String(specVersion).slice(0, 20);
  if (!cycloneDxVersions.test(version)) return unreadable(`it is CycloneDX ${version}, and 1.2 to 1.6 are passed on`);
  const packages = objects(components).filter(({ type }) => type !== "operating-system" && type !== "file").length;
  const own = objects(object(object(metadata).component).properties);
  const isPartial =
    objects(compositions).some(({ aggregate }) => typeof aggregate === "string" && aggregate.startsWith("incomplete")) ||
    own.some(({ name, value }) => name === "build-watcher:completeness" && value === "partial");
  return described("cyclonedx", version, packages, isPartial);
}

function describeSpdx({ spdxVersion, packages }: Fields): DescribedDocument {
  const version = spdxVersions.exec(String(spdxVersion))?.[1];
  if (version === undefined) return unreadable(`it is ${String(spdxVersion).slice(0, 20)}, and SPDX 2.2 and 2.3 are passed on`);
  const isPackage = ({ primaryPackagePurpose: purpose }: Fields) =>
    !["CONTAINER", "OPERATING-SYSTEM", "FILE"].includes(String(purpose));
  return described("spdx", version, objects(packages).filter(isPackage).length, false);
}

function described(format: "cyclonedx" | "spdx", version: string, packages: number, isPartial: boolean): DescribedDocument {
  if (packages === 0) return unreadable("it names no package");
  const document = { kind: "document", format, version, packages, coverage: "complete" } as const;
  return isPartial ? { ...document, coverage: "partial", why: "the document says that it is not complete" } : document;
}

function unreadable(reason: string): DescribedDocument {
  return { kind: "unreadable", reason };
}

function parse(bytes: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function object(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function objects(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "object" && one !== null) : [];
}
