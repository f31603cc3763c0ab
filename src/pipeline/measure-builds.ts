import { type BuildSighting, type Cluster, isOfWatch } from "../cluster/cluster.ts";
import type { Build } from "../core/build.ts";
import type { Clock } from "../core/clock.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** Every phase a Build can have (build.openshift.io/v1); another one is counted as `other`. */
const phases: ReadonlySet<string> = new Set(["New", "Pending", "Running", "Complete", "Failed", "Error", "Cancelled"]);

/** So many failed Builds are told apart from those that are seen again. */
const rememberedFailures = 10_000;

/** Measures what the watch of builds says; to be told of every sighting. */
export function measureBuilds(
  { namespaces }: Pick<Cluster, "namespaces">,
  metrics: Metrics,
  clock: Clock,
): (sighting: BuildSighting) => void {
  const lastLife = new Map(namespaces.map((namespace) => [namespace, clock.now()]));
  const troubled = new Set<string | undefined>();
  const failed = new Set<string>();
  metrics.gauge("watchLastEvent", () => [{ labels: {}, value: Math.min(...lastLife.values()) / 1000 }]);

  return (sighting) => {
    if (sighting.kind === "trouble") {
      metrics.count("watchRestarts", { reason: sighting.reason });
      troubled.add(sighting.namespace);
      return;
    }
    if (isOfWatch(sighting)) troubled.delete(sighting.namespace);
    // A list says nothing of a watch that failed.
    if (!troubled.has(sighting.namespace)) lastLife.set(sighting.namespace, clock.now());
    if (sighting.kind === "synced") metrics.observe("reconcileDuration", {}, (clock.now() - sighting.startedAt) / 1000);
    if (sighting.kind === "builds") for (const build of sighting.builds) see(build, sighting.listed);
  };

  function see(build: Build, listed: boolean): void {
    const phase = build?.status?.phase ?? "New";
    metrics.count("buildEvents", { type: listed ? "listed" : "event", phase: phases.has(phase) ? phase : "other" });
    const uid = build?.metadata?.uid;
    if (phase === "Failed" && uid) seeFailed(uid, listed);
  }

  /** What a list shows failed before the bot watched, or was counted already. */
  function seeFailed(uid: string, listed: boolean): void {
    if (failed.has(uid)) return;
    if (failed.size >= rememberedFailures) failed.clear();
    failed.add(uid);
    if (!listed) metrics.count("buildsFailed", {});
  }
}
