import type { Watched } from "../cluster/cluster.ts";
import type { BuildKey } from "../core/builds/build.ts";
import type { BuildOutcome } from "../core/builds/build-outcome.ts";

/** What the end of a PipelineRun means for its tasks: they report, or are left alone with it. `open`: not known yet. */
export type Fate = "open" | "named images" | "named none" | "left alone";

/** What is known of PipelineRuns, by `namespace/name`. Times are milliseconds since the epoch. */
export interface Pipelines {
  /** Says where PipelineRuns are watched. */
  watch(places: readonly Watched[]): void;
  /** Call this with every PipelineRun that is seen. Returns its fate if it has ended. */
  see(pipeline: BuildOutcome, now: number): Fate | undefined;
  /** Call this when a list is complete, with the time it started. Running ones that were not in it are gone. */
  listed(namespace: string | undefined, startedAt: number): void;
  /** Call this when they cannot be listed because the bot may not, or the cluster has none. The next complete list ends that. */
  refused(namespace: string | undefined): void;
  /** A PipelineRun that is gone, not watched, or not to be read, counts as one without images. */
  fate(pipeline: string): Fate;
}

/** The oldest is dropped for a new one. */
const mostRemembered = 50_000;

const everywhere = "*";

export function createPipelines(failedImages: boolean): Pipelines {
  const fates = new Map<string, { readonly fate: Fate; readonly uid: string | undefined }>();
  const running = new Map<string, number>();
  const complete = new Set<string>();
  const unreadable = new Set<string>();
  let watched: ReadonlySet<string> | undefined;

  const isIn = (places: ReadonlySet<string>, namespace = "") => places.has(namespace) || places.has(everywhere);

  return {
    watch(places) {
      watched = new Set(places.map(({ namespace }) => namespace ?? everywhere));
    },
    see(outcome, now) {
      const name = nameOf(outcome.build);
      const uid = outcome.build?.uid;
      if (outcome.kind === "pending") {
        // Another one of the same name was there before it.
        if (fates.get(name)?.uid !== uid) fates.delete(name);
        remember(running, name, now);
        return undefined;
      }
      const fate = fateOf(outcome, failedImages);
      running.delete(name);
      remember(fates, name, { fate, uid });
      return fate;
    },
    listed(namespace, startedAt) {
      for (const [name, seenAt] of running) if (isOf(name, namespace) && seenAt < startedAt) running.delete(name);
      complete.add(namespace ?? everywhere);
      unreadable.delete(namespace ?? everywhere);
    },
    refused(namespace) {
      unreadable.add(namespace ?? everywhere);
    },
    fate(pipeline) {
      const [namespace] = pipeline.split("/");
      const isUnseen = isIn(unreadable, namespace) || (watched !== undefined && !isIn(watched, namespace));
      return (
        fates.get(pipeline)?.fate ?? (!isUnseen && (running.has(pipeline) || !isIn(complete, namespace)) ? "open" : "named none")
      );
    },
  };
}

/**
 * The fate of an ended one. Its tasks are left alone if it is, or if it failed and images of failed runs do not count. A failed one may have named only
 * some of its images, so its tasks report as well, and so do those of one that told a digest alone: the name beside it is a guess.
 */
export function fateOf(outcome: BuildOutcome, failedImages: boolean): Exclude<Fate, "open"> {
  if (outcome.kind === "ignored" && (outcome.because === "excluded" || outcome.because === "owned")) return "left alone";
  if (outcome.phase === "Failed" || outcome.phase === "Cancelled") return failedImages ? "named none" : "left alone";
  return outcome.kind === "succeeded" && outcome.ifMissing === undefined ? "named images" : "named none";
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
