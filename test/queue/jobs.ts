import { parseImageReference } from "../../src/core/images/image-reference.ts";
import type { Job, JobCause } from "../../src/core/jobs/job.ts";
import { imageJob } from "../../src/core/jobs/job.ts";
import type { JobHandler, JobResult } from "../../src/queue/job-queue.ts";

/** A repository and digest of its own for every number. */
export function imageName(number: number): string {
  return `registry.example:5000/shop/app-${number}@sha256:${number.toString(16).padStart(64, "0")}`;
}

/** The job of a build that completed with an image. */
export function buildJob(number: number, cause: JobCause = "build"): Job {
  const build = { namespace: "shop", name: `app-${number}`, uid: `uid-${number}` };
  const reference = parseImageReference(imageName(number));
  return { id: `build-uid-${number}`, analyzer: "thoth", cause, build, output: { kind: "reference", reference }, buildLog: true };
}

/** The job of an image that the startup pass found. */
export function scanJob(number: number): Job {
  return imageJob(parseImageReference(imageName(number)), "scan", "thoth");
}

export const result: JobResult = {
  output: imageName(0),
  analyses: [{ of: "output", id: "analysis-1", cached: false }],
  notes: [],
};

export const nothing: JobResult = { analyses: [], notes: [] };

export interface Run {
  readonly job: Job;
  readonly signal: AbortSignal;
  finish(result?: JobResult): void;
  fail(error: unknown): void;
}

export interface HeldHandler {
  readonly handle: JobHandler;
  /** Every run so far, in the order they began. */
  readonly runs: Run[];
  /** Runs that were not settled yet. */
  open(): readonly Run[];
}

/** A handler whose runs end when the test says so, or as soon as their signal fires if it is to obey it. */
export function heldHandler({ obeys = true } = {}): HeldHandler {
  const runs: Run[] = [];
  const open = new Set<Run>();
  return {
    runs,
    open: () => [...open],
    handle(job, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<JobResult>();
      const run: Run = { job, signal, finish: (value = nothing) => resolve(value), fail: reject };
      runs.push(run);
      open.add(run);
      if (obeys) signal.addEventListener("abort", () => reject(signal.reason));
      return promise.finally(() => open.delete(run));
    },
  };
}
