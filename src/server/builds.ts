import { type BuildSighting, watchedKey } from "../cluster/cluster.ts";
import type { BuildKey } from "../core/builds/build.ts";
import type { BuildOutcome } from "../core/builds/build-outcome.ts";
import type { Clock } from "../core/clock.ts";
import { isTracked, type SubmissionPolicy } from "../core/jobs/job.ts";

/** A build that runs, or waits to run. Times are milliseconds since the epoch. */
export interface RunningBuild {
  readonly build: BuildKey;
  readonly buildConfig?: string;
  readonly phase: "New" | "Pending" | "Running" | "other";
  readonly startedAt?: number;
}

/** The last build of a BuildConfig, where it failed. */
export interface FailedBuild {
  readonly build: BuildKey;
  readonly buildConfig?: string;
  readonly reason: string;
  readonly endedAt: number;
}

/** The state of the builds themselves, whether or not they become jobs. */
export interface Builds {
  /** Longest running first. */
  readonly running: readonly RunningBuild[];
  /** Last failed first; none older than a week. */
  readonly failed: readonly FailedBuild[];
}

/** Follows the state of builds by the watches. Nothing is kept over a restart, because the first list shows it again. */
export interface BuildsMonitor {
  see(sighting: BuildSighting): void;
  read(): Builds;
}

/** How many builds of each kind are remembered; the oldest is dropped for a new one. */
const mostRemembered = 10_000;
const failuresShownFor = 7 * 24 * 3_600_000;

interface Running extends RunningBuild {
  readonly watch: string;
  readonly seenAt: number;
}

interface Ended {
  readonly endedAt: number;
  readonly failure?: FailedBuild;
}

export function createBuilds(policy: Pick<SubmissionPolicy, "track" | "matchesLabels">, clock: Clock): BuildsMonitor {
  const running = new Map<string, Running>();
  const ended = new Map<string, Ended>();

  function see(outcome: BuildOutcome, watch: string): void {
    const { build } = outcome;
    if (!build) return;
    running.delete(build.uid);
    if (outcome.kind === "ignored" || !isWanted(outcome, policy)) return;
    if (outcome.kind !== "pending") seeEnded(outcome);
    // The tasks of a pipeline run are part of it.
    else if (outcome.madeFor === undefined)
      remember(running, build.uid, { ...runningBuild(outcome), watch, seenAt: clock.now() });
  }

  /** Lists are not ordered by time, so the build that ended last counts. */
  function seeEnded(outcome: Extract<BuildOutcome, { readonly outputs: unknown }>): void {
    const { build, buildConfig = `${build.namespace}/${build.name}`, ownerKind = "" } = outcome;
    const key = `${ownerKind}:${buildConfig}`;
    const endedAt = timeOf(outcome.completedAt) ?? clock.now();
    if ((ended.get(key)?.endedAt ?? 0) > endedAt) return;
    remember(ended, key, { endedAt, ...(outcome.kind === "failed" && { failure: failedBuild(outcome, endedAt) }) });
  }

  /** A build that is missing in a complete list is gone. */
  function forgetUnlisted(watch: string, listedSince: number): void {
    for (const [uid, its] of running) if (its.watch === watch && its.seenAt < listedSince) running.delete(uid);
  }

  return {
    see(sighting) {
      if (sighting.kind === "watches") {
        const watched = new Set(sighting.watches.map(watchedKey));
        for (const [uid, { watch }] of running) if (!watched.has(watch)) running.delete(uid);
        return;
      }
      const watch = watchedKey(sighting);
      if (sighting.kind === "builds") for (const outcome of sighting.builds) see(outcome, watch);
      if (sighting.kind === "synced") forgetUnlisted(watch, sighting.startedAt);
    },
    read() {
      const oldest = clock.now() - failuresShownFor;
      const failures = [...ended.values()].flatMap(({ failure }) => (failure && failure.endedAt >= oldest ? [failure] : []));
      return {
        running: [...running.values()]
          .map(({ watch: _, seenAt: __, ...build }) => build)
          .toSorted((a, b) => (a.startedAt ?? Number.POSITIVE_INFINITY) - (b.startedAt ?? Number.POSITIVE_INFINITY)),
        failed: failures.toSorted((a, b) => b.endedAt - a.endedAt),
      };
    },
  };
}

function isWanted(
  outcome: Exclude<BuildOutcome, { readonly kind: "ignored" }>,
  { track, matchesLabels }: Pick<SubmissionPolicy, "track" | "matchesLabels">,
): boolean {
  return isTracked(outcome, track) && matchesLabels(outcome.labels, outcome.build.kind);
}

function runningBuild({
  build,
  buildConfig,
  phase,
  startedAt,
}: Extract<BuildOutcome, { readonly kind: "pending" }>): RunningBuild {
  const began = timeOf(startedAt);
  return {
    build,
    phase: phase === "New" || phase === "Pending" || phase === "Running" ? phase : "other",
    ...(buildConfig !== undefined && { buildConfig }),
    ...(began !== undefined && { startedAt: began }),
  };
}

function failedBuild(
  { build, buildConfig, reason }: Extract<BuildOutcome, { readonly kind: "failed" }>,
  endedAt: number,
): FailedBuild {
  return { build, reason, endedAt, ...(buildConfig !== undefined && { buildConfig }) };
}

function timeOf(time: string | undefined): number | undefined {
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? undefined : at;
}

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > mostRemembered && oldest !== undefined) memory.delete(oldest);
}
