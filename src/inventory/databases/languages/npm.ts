import { type Findings, fileLimits, type PackageDatabase, plainText, UnreadableDatabase } from "../database.ts";

/** npm's packages in node_modules. */
export const npm: PackageDatabase = {
  name: "npm",
  limit: fileLimits.text,
  owns: (path) => /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@][^/]*\/package\.json$/.test(path),
  read({ bytes }): Findings {
    const fields = parse(bytes);
    const [name, version] = [textOf(fields.name), textOf(fields.version)];
    if ([fields.name, fields.version].some((field) => field !== undefined && typeof field !== "string"))
      throw new UnreadableDatabase("its name or version is no text");
    // A package.json inside a package, or of a test, has no name or version.
    if (!name || !version) return { packages: [] };
    const licence = licenceOf(fields.license ?? fields.licenses);
    return { packages: [{ ecosystem: "npm", name, version, ...(licence && { licence }) }] };
  },
};

function parse(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, ""));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {}
  throw new UnreadableDatabase("it is no JSON object");
}

/** An SPDX expression, or in old packages `{ type }` or a list of those. */
function licenceOf(value: unknown): string | undefined {
  if (Array.isArray(value)) return plainText(value.slice(0, 10).map(oneLicence).filter(Boolean).join(" OR "));
  return oneLicence(value);
}

function oneLicence(value: unknown): string | undefined {
  if (typeof value === "string") return plainText(value);
  return typeof value === "object" && value !== null && "type" in value ? textOf(value.type) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? plainText(value) : undefined;
}
