import { type Findings, fileLimits, type PackageDatabase, plainText, UnreadableDatabase } from "../database.ts";
import { lines } from "../stanzas.ts";

/** What pip and setuptools write next to an installed package (https://packaging.python.org/en/latest/specifications/core-metadata/). */
export const python: PackageDatabase = {
  name: "Python",
  limit: fileLimits.text,
  owns: (path) =>
    /(?:^|\/)[^/]+\.(?:dist-info\/METADATA|egg-info|egg-info\/PKG-INFO)$|(?:^|\/)[^/]+\.egg\/EGG-INFO\/PKG-INFO$/.test(path),
  read({ bytes }): Findings {
    const fields = headerFields(bytes);
    const [name, version] = [plainText(fields.get("name")), plainText(fields.get("version"))];
    if (!name || !version) throw new UnreadableDatabase("it has no name or version");
    const licence =
      plainText(fields.get("license-expression")) ?? plainText(fields.get("license")) ?? plainText(fields.get("classifier"));
    return { packages: [{ ecosystem: "pypi", name, version, ...(licence && licence !== "UNKNOWN" && { licence }) }] };
  },
};

/** The first value of each field before the description. Of the classifiers only the licence. */
function headerFields(bytes: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines(bytes)) {
    if (line.trim() === "") break;
    const colon = line.indexOf(":");
    if (colon < 1 || /^\s/.test(line)) continue;
    const [key, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    if (key === "classifier" && !value.startsWith("License :: ")) continue;
    if (!fields.has(key)) fields.set(key, value.replace(/^License :: (?:OSI Approved :: )?/, ""));
  }
  return fields;
}
