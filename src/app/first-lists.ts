import { type BuildSighting, type Cluster, watchedKey } from "../cluster/cluster.ts";

/** Notices when every watched namespace was listed once or refused. A namespace that cannot be read must not block the others. */
export function createFirstLists(namespaces: Cluster["namespaces"]) {
  let missing = new Set(namespaces.map((namespace) => watchedKey({ namespace })));
  const seen = new Set<string>();
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  return {
    complete,
    see(sighting: BuildSighting): void {
      if (sighting.kind === "watches") missing = new Set(sighting.watches.map(watchedKey).filter((key) => !seen.has(key)));
      const refused = sighting.kind === "trouble" && (sighting.reason === "Forbidden" || sighting.reason === "NotServed");
      if (!refused && sighting.kind !== "synced") return;
      seen.add(watchedKey(sighting));
      if (missing.delete(watchedKey(sighting)) && missing.size === 0) resolve();
    },
  };
}
