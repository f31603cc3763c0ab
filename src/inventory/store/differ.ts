import type { ImageContent, PackageChange, PackageDifference } from "../inventory.ts";
import { packageUrl } from "../purl.ts";

/** The packages that are new, gone or have another version in the second image, sorted by package URL. */
export function differ(before: ImageContent, after: ImageContent, limit: number): PackageDifference {
  const [one, other] = [versionsOf(before), versionsOf(after)];
  const changes = [...new Set([...one.keys(), ...other.keys()])].toSorted().flatMap((key): PackageChange[] => {
    const [was, is] = [one.get(key), other.get(key)];
    const [left, right] = [was?.versions.join(", "), is?.versions.join(", ")];
    if (left === right) return [];
    const name = (is ?? was)?.name ?? "";
    return [{ purl: key, name, ...(left !== undefined && { before: left }), ...(right !== undefined && { after: right }) }];
  });
  return { changes: changes.slice(0, limit), count: changes.length };
}

/** The versions of each package, by its URL without the version. */
function versionsOf({ packages, distribution }: ImageContent): Map<string, { name: string; versions: string[] }> {
  const found = new Map<string, { name: string; versions: string[] }>();
  for (const one of packages) {
    const key = packageUrl({ ...one, version: "" }, distribution && { ...distribution, version: "" });
    const known = found.get(key) ?? { name: one.group ? `${one.group}:${one.name}` : one.name, versions: [] };
    if (!known.versions.includes(one.version)) known.versions.push(one.version);
    found.set(key, known);
  }
  return found;
}
