import type { ClusterProbe } from "../../cluster/probe.ts";
import type { Config } from "../../config/options.ts";
import { isTracked } from "../../core/job.ts";
import { openshiftBuilds } from "../../sources/openshift-builds.ts";
import { type Finding, warned } from "./finding.ts";
import type { SetCommand } from "./set-command.ts";

/** Which of the settings say what is watched. */
export type Watched = Pick<Config, "track" | "trackFile">;

/** What is probably misspelt: namespaces in which there is nothing, BuildConfigs without a build. What the bot may not list is not asked. */
export async function checkWatched(
  probe: ClusterProbe,
  { track, trackFile }: Watched,
  set: SetCommand,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const named = probe.namespaces.filter((namespace) => namespace !== undefined);
  const empty = await Promise.all(named.map((namespace) => isEmpty(probe, namespace, signal)));
  const mend = set("THOTH_WATCHED_NAMESPACE");
  return [
    ...named
      .filter((_, index) => empty[index])
      .map((namespace) => ({
        ...warned("watched", `0 builds, 0 image streams in ${namespace}: is the name right?`, mend),
        namespace,
      })),
    ...(await unknownConfigs(probe, track, signal)).map((entry) =>
      warned(
        "tracked",
        `No build of the BuildConfig ${entry} is among those listed: is the name right, and has it been built?`,
        set(trackFile === undefined ? "BUILD_WATCHER_TRACK" : "BUILD_WATCHER_TRACK_FILE"),
      ),
    ),
  ];
}

async function isEmpty(probe: ClusterProbe, namespace: string, signal: AbortSignal): Promise<boolean> {
  const has = await Promise.all(
    (["builds", "imagestreams"] as const).map((resource) => probe.hasAny(resource, namespace, signal).catch(() => true)),
  );
  return !has.includes(true);
}

/** The entries that no build belongs to; none where builds cannot be listed, which is a finding of its own. */
async function unknownConfigs(probe: ClusterProbe, track: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const missing = new Set(track);
  try {
    for (const namespace of track.length > 0 ? probe.namespaces : []) {
      const { resource, classify } = openshiftBuilds;
      for await (const outcome of probe.list(resource, namespace, classify, signal)) {
        if (outcome.kind === "ignored") continue;
        for (const entry of missing) if (isTracked(outcome, [entry])) missing.delete(entry);
      }
    }
  } catch {
    return [];
  }
  return [...missing];
}
