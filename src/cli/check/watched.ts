import { imageStreams } from "../../cluster/api/paths.ts";
import type { ClusterProbe } from "../../cluster/probe.ts";
import type { Config } from "../../config/options.ts";
import { isTracked } from "../../core/jobs/job.ts";
import type { BuildSource } from "../../sources/build-source.ts";
import { type Finding, warned } from "./finding.ts";
import type { SetCommand } from "./set-command.ts";

/** Which of the settings say what is watched. */
export type Watched = Pick<Config, "track" | "trackFile">;

/** Finds probable typing mistakes: empty namespaces, BuildConfigs without a build. What the bot has no right to list is left out. */
export async function checkWatched(
  probe: ClusterProbe,
  { track, trackFile, sources }: Watched & { readonly sources: readonly BuildSource[] },
  set: SetCommand,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const named = probe.namespaces.filter((namespace) => namespace !== undefined);
  const empty = await Promise.all(named.map((namespace) => isEmpty(probe, sources, namespace, signal)));
  const mend = set("THOTH_WATCHED_NAMESPACE");
  return [
    ...named
      .filter((_, index) => empty[index])
      .map((namespace) => ({
        ...warned("watched", `0 builds, 0 image streams in ${namespace}: is the name right?`, mend),
        namespace,
      })),
    ...(await unknownOwners(probe, sources, track, signal)).map((entry) =>
      warned(
        "tracked",
        `No build of the ${entry.includes(":") ? entry.replace(":", " ") : `BuildConfig ${entry}`} was found: is the name right, and has it been built?`,
        set(trackFile === undefined ? "BUILD_WATCHER_TRACK" : "BUILD_WATCHER_TRACK_FILE"),
      ),
    ),
  ];
}

async function isEmpty(
  probe: ClusterProbe,
  sources: readonly BuildSource[],
  namespace: string,
  signal: AbortSignal,
): Promise<boolean> {
  const needed = [...sources.slice(0, 1).map(({ resource }) => resource), imageStreams].map((resource) =>
    probe.hasAny(resource, namespace, signal).catch(() => true),
  );
  // Sources that the bot has no right to list are left out.
  const further = sources.slice(1).map(({ resource }) => probe.hasAny(resource, namespace, signal).catch(() => false));
  const has = await Promise.all([...needed, ...further]);
  return !has.includes(true);
}

/** The entries that no build belongs to; none where builds cannot be listed, which is a finding of its own. */
async function unknownOwners(
  probe: ClusterProbe,
  sources: readonly BuildSource[],
  track: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const missing = new Set(track);
  const owners = new Set(track.map(ownerOf));
  try {
    for (const { resource, classify } of sources.filter(({ owner }) => owners.has(owner)))
      for (const namespace of probe.namespaces)
        for await (const outcome of probe.list(resource, namespace, classify, signal)) {
          if (outcome.kind === "ignored") continue;
          for (const entry of missing) if (isTracked(outcome, [entry])) missing.delete(entry);
        }
  } catch {
    return [];
  }
  return [...missing];
}

/** What an entry names: `Pipeline:shop/cart`; without a kind it is a BuildConfig. */
function ownerOf(entry: string): string {
  return entry.includes(":") ? entry.slice(0, entry.indexOf(":")) : "BuildConfig";
}
