import type { Watched } from "../cluster/cluster.ts";
import type { BuildKey } from "../core/builds/build.ts";
import type { BuildOutcome } from "../core/builds/build-outcome.ts";

/** The end of a PipelineRun: whether its tasks report for it, or are left alone with it. `open`: not known yet. */
export type Fate = "open" | "named images" | "named none" | "left alone";

/** What is known of PipelineRuns, each by `namespace/name`. Times are milliseconds since the epoch. */
export interface Pipelines {
  /** Call with where they are watched. */
  watch(places: readonly Watched[]): void;
  /** Call with every one that is seen; returns its fate if it ended. */
  see(pipeline: BuildOutcome, now: number): Fate | undefined;
  /** Call when a list is complete, with its start: running ones that were not in it are gone. */
  listed(namespace: string | undefined, startedAt: number): void;
  /** A PipelineRun that is gone, or not watched, counts as one without images. */
  fate(pipeline: string): Fate;
}

/** The oldest is dropped for a new one. */
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
 * The fate of an ended one. If it is left alone on purpose, so are its tasks; also if it failed and images of failed runs do not count. A failed
 * one can have named only some of its images, so its tasks report as well.
 */
export function fateOf(outcome: BuildOutcome, failedImages: boolean): Exclude<Fate, "open"> {
  if (outcome.kind === "ignored" && (outcome.because === "excluded" || outcome.because === "owned")) return "left alone";
  if (outcome.phase === "Failed" || outcome.phase === "Cancelled") return failedImages ? "named none" : "left alone";
  return outcome.kind === "succeeded" ? "named images" : "named none";
}

export function nameOf(build: BuildKey | undefined): string {
  return `${build?.namespace}/${build?.name}`;
}

/** Whether a `namespace/name` is in a namespace, or in the cluster (undefined). */
export function isOf(name: string, namespace: string | undefined): boolean {
  return namespace === undefined || name.startsWith(`${namespace}/`);
}

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > mostRemembered && oldest !== undefined) memory.delete(oldest);
}
