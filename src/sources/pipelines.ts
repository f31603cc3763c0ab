import type { Watched } from "../cluster/cluster.ts";
import type { BuildKey } from "../core/build.ts";
import type { BuildOutcome } from "../core/build-outcome.ts";

/** What became of a PipelineRun: whether its tasks are to report for it, or to be left alone with it. `open`: that is not certain yet. */
export type Fate = "open" | "named images" | "named none" | "left alone";

/** What is known of PipelineRuns, each by `namespace/name`. Times are milliseconds since the epoch. */
export interface Pipelines {
  /** To be told where they are watched. */
  watch(places: readonly Watched[]): void;
  /** To be told of every one that is seen; answers its fate where it ended. */
  see(pipeline: BuildOutcome, now: number): Fate | undefined;
  /** To be told when a list is complete, and when it began: those that run and were not in it are gone. */
  listed(namespace: string | undefined, startedAt: number): void;
  /** One that is gone without a word named no image; so did one that nobody watches. */
  fate(pipeline: string): Fate;
}

/** The oldest is forgotten for a newer one. */
const mostRemembered = 50_000;

const everywhere = "*";

export function createPipelines(failedImages: boolean): Pipelines {
  const fates = new Map<string, Fate>();
  const running = new Map<string, number>();
  const complete = new Set<string>();
  let watched: ReadonlySet<string> | undefined;

  const isIn = (places: ReadonlySet<string>, namespace = "") => places.has(namespace) || places.has(everywhere);

  return {
    watch(places) {
      watched = new Set(places.map(({ namespace }) => namespace ?? everywhere));
    },
    see(outcome, now) {
      const name = nameOf(outcome.build);
      if (outcome.kind === "pending") {
        remember(running, name, now);
        return undefined;
      }
      const fate = fateOf(outcome, failedImages);
      running.delete(name);
      remember(fates, name, fate);
      return fate;
    },
    listed(namespace, startedAt) {
      for (const [name, seenAt] of running) if (isOf(name, namespace) && seenAt < startedAt) running.delete(name);
      complete.add(namespace ?? everywhere);
    },
    fate(pipeline) {
      const [namespace] = pipeline.split("/");
      const isUnseen = watched !== undefined && !isIn(watched, namespace);
      return fates.get(pipeline) ?? (!isUnseen && (running.has(pipeline) || !isIn(complete, namespace)) ? "open" : "named none");
    },
  };
}

/**
 * What became of one that ended. One that is left alone on purpose takes its tasks with it; so does one that failed, where images of failed runs do
 * not count. One that failed may have named some of its images only, so that its tasks report as well.
 */
export function fateOf(outcome: BuildOutcome, failedImages: boolean): Exclude<Fate, "open"> {
  if (outcome.kind === "ignored" && (outcome.because === "excluded" || outcome.because === "owned")) return "left alone";
  if (outcome.phase === "Failed" || outcome.phase === "Cancelled") return failedImages ? "named none" : "left alone";
  return outcome.kind === "succeeded" ? "named images" : "named none";
}

export function nameOf(build: BuildKey | undefined): string {
  return `${build?.namespace}/${build?.name}`;
}

/** Whether a `namespace/name` lies in a namespace, or in the cluster (undefined). */
export function isOf(name: string, namespace: string | undefined): boolean {
  return namespace === undefined || name.startsWith(`${namespace}/`);
}

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > mostRemembered && oldest !== undefined) memory.delete(oldest);
}
