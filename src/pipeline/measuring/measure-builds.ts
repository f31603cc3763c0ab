import { type BuildSighting, type Cluster, isOfWatch, type Watched, watchedKey } from "../../cluster/cluster.ts";
import type { BuildOutcome } from "../../core/builds/build-outcome.ts";
import type { Clock } from "../../core/clock.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

/** How many builds are remembered, so that each counts once. */
const remembered = 10_000;

/** Measures the watch of builds. Call the returned function with every sighting. */
export function measureBuilds(
  { namespaces }: Pick<Cluster, "namespaces">,
  metrics: Metrics,
  clock: Clock,
): (sighting: BuildSighting) => void {
  let lastLife = new Map(namespaces.map((namespace) => [watchedKey({ namespace }), clock.now()]));
  const troubled = new Map<string, Watched>();
  const failed = new Set<string>();
  const cut = new Set<string>();
  metrics.gauge("watchLastEvent", () => [{ labels: {}, value: Math.min(...lastLife.values(), clock.now()) / 1000 }]);
  const newest = () => (lastLife.size === 0 ? clock.now() : Math.max(...lastLife.values()));
  metrics.gauge("watchNewestEvent", () => [{ labels: {}, value: newest() / 1000 }]);
  metrics.gauge("watchTrouble", () =>
    [...troubled].flatMap(([key, { source = "builds", namespace }]) => {
      const at = lastLife.get(key);
      return at === undefined ? [] : [{ labels: { source, watched: namespace ?? "*" }, value: at / 1000 }];
    }),
  );

  return (sighting) => {
    if (sighting.kind === "watches") {
      lastLife = new Map(sighting.watches.map(watchedKey).map((key) => [key, lastLife.get(key) ?? clock.now()]));
      return;
    }
    const { source = "builds" } = sighting;
    const key = watchedKey(sighting);
    if (sighting.kind === "trouble") {
      metrics.count("watchRestarts", { source, reason: sighting.reason });
      troubled.set(key, sighting);
      return;
    }
    if (isOfWatch(sighting)) troubled.delete(key);
    // A list does not show whether the watch works.
    if (!troubled.has(key)) lastLife.set(key, clock.now());
    if (sighting.kind === "synced") metrics.observe("reconcileDuration", {}, (clock.now() - sighting.startedAt) / 1000);
    if (sighting.kind === "builds") for (const build of sighting.builds) see(build, sighting.listed, source);
  };

  function see(outcome: BuildOutcome, listed: boolean, source: string): void {
    const { phase, build } = outcome;
    if ("leftOut" in outcome && outcome.leftOut && isNew(cut, outcome.build.uid))
      metrics.count("imagesLeftOut", { source }, outcome.leftOut);
    metrics.count("buildEvents", { source, type: listed ? "listed" : "event", phase });
    if (phase === "Failed" && build) seeFailed(build.uid, listed, source);
  }

  /** A failed Build in a list failed earlier, or was already counted. */
  function seeFailed(uid: string, listed: boolean, source: string): void {
    if (isNew(failed, uid) && !listed) metrics.count("buildsFailed", { source });
  }
}

/** Whether a build counts for the first time. */
function isNew(counted: Set<string>, uid: string): boolean {
  if (counted.has(uid)) return false;
  if (counted.size >= remembered) counted.clear();
  counted.add(uid);
  return true;
}
