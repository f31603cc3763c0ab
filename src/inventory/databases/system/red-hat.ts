import { type Findings, fileLimits, type PackageDatabase, plainText, UnreadableDatabase } from "../database.ts";

/** Red Hat's content manifests. They name the repositories that an image's packages came from, but no packages. */
export const redHatContent: PackageDatabase = {
  name: "Red Hat content manifest",
  limit: fileLimits.text,
  places: ["root/buildinfo/content_manifests/", "usr/share/buildinfo/content-sets.json"],
  owns: (path) => /(?:^|\/)(?:content_manifests\/[^/]+\.json|buildinfo\/content-sets\.json)$/.test(path),
  read({ bytes }): Findings {
    const { content_sets: sets } = parseObject(bytes);
    if (sets === undefined) return { packages: [] };
    if (!Array.isArray(sets)) throw new UnreadableDatabase("its content_sets are no list");
    const names = sets.slice(0, 1_000).map((name) => (typeof name === "string" ? plainText(name) : undefined));
    return { packages: [], contentSets: names.filter((name) => name !== undefined) };
  },
};

function parseObject(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {}
  throw new UnreadableDatabase("it is no JSON object");
}
