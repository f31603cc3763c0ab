import type { Digest, ImageReference } from "../core/images/image-reference.ts";
import type { Distribution, FoundPackage } from "./inventory.ts";

/** The package URL of a package in an image, in Trivy's vocabulary (https://github.com/package-url/purl-spec). */
export function packageUrl(found: FoundPackage, distribution: Distribution | undefined): string {
  const version = found.version && `@${encode(versionOf(found))}`;
  return `${packageBase(found, distribution)}${version}${qualifiers(found, distribution)}`;
}

/** The package URL of an image. */
export function imageUrl(image: ImageReference, digest: Digest, platform: string | undefined): string {
  const name = image.repository.split("/").at(-1) ?? image.repository;
  const architecture = platform?.split("/")[1];
  const fields = { arch: architecture, repository_url: `${image.registry}/${image.repository}`, tag: image.tag };
  return `pkg:oci/${encode(name)}@${encode(digest)}${query(fields)}`;
}

function packageBase({ ecosystem, group, name }: FoundPackage, distribution: Distribution | undefined): string {
  switch (ecosystem) {
    case "deb":
    case "apk":
    case "rpm":
      return `pkg:${ecosystem}/${encode(distribution?.family ?? "")}${distribution ? "/" : ""}${encode(name)}`;
    case "maven":
      return `pkg:maven/${group ? `${encode(group)}/` : ""}${encode(name)}`;
    case "pypi":
      return `pkg:pypi/${encode(pypiName(name))}`;
    case "npm":
      return `pkg:npm/${name.split("/").map(encode).join("/")}`;
    case "golang":
      return `pkg:golang/${name.toLowerCase().split("/").map(encode).join("/")}`;
  }
}

/** The name as the package index spells it (purl-spec: pypi). */
function pypiName(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** In package URLs an epoch is a qualifier. */
function versionOf({ ecosystem, version }: FoundPackage): string {
  return ecosystem === "rpm" || ecosystem === "deb" ? version.replace(/^\d+:/, "") : version;
}

function qualifiers(found: FoundPackage, distribution: Distribution | undefined): string {
  if (found.ecosystem !== "deb" && found.ecosystem !== "rpm" && found.ecosystem !== "apk") return "";
  const epoch = found.ecosystem === "apk" ? undefined : /^([1-9]\d*):/.exec(found.version)?.[1];
  const distro = distribution && [distribution.family, distribution.version].filter(Boolean).join("-");
  return query({ arch: found.architecture, distro, epoch, modularitylabel: found.modularity });
}

function query(fields: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(fields).filter(([, value]) => value);
  const parts = given.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${encode(value ?? "")}`);
  return parts.length > 0 ? `?${parts.join("&")}` : "";
}

/** Percent-encodes everything except letters, digits, `.`, `-`, `_`, `~` and `:`. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%3A", ":");
}
