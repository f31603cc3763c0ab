import type { Clock } from "../../core/clock.ts";
import { asJobError, JobError } from "../../core/jobs/errors.ts";
import type { Job } from "../../core/jobs/job.ts";
import type { JobHandler, JobResult } from "../job-queue.ts";

export type AttemptEnd =
  | { readonly kind: "done"; readonly result: JobResult | undefined }
  | { readonly kind: "failed"; readonly error: JobError }
  | { readonly kind: "interrupted" };

/** One run of a job's handler. */
export interface Attempt {
  /** How it ended. Never rejects, whatever the handler throws. */
  readonly ended: Promise<AttemptEnd>;
  /** Aborts the handler's signal. The attempt ends as interrupted, unless it succeeds all the same. */
  interrupt(): void;
}

/** Milliseconds that a handler has to settle after its signal fires. Then its place is given away and its answer ignored. */
export const settleGrace = 10_000;

/** Runs a handler with a deadline in milliseconds. */
export function startAttempt(job: Job, handle: JobHandler, clock: Clock, deadline: number): Attempt {
  const controller = new AbortController();
  const { promise: ended, resolve } = Promise.withResolvers<AttemptEnd>();
  let cutShort: AttemptEnd | undefined;
  let cancelTimer = clock.schedule(deadline, () => {
    const error = timedOut(deadline);
    cut({ kind: "failed", error }, error);
  });

  function cut(meaning: AttemptEnd, reason?: Error): void {
    if (cutShort) return;
    cutShort = meaning;
    cancelTimer();
    cancelTimer = clock.schedule(settleGrace, () => resolve(meaning));
    controller.abort(reason);
  }

  function settle(end: AttemptEnd): void {
    cancelTimer();
    resolve(end);
  }

  invoke(job, handle, controller.signal).then(
    (result) => settle({ kind: "done", result: storable(result) }),
    (error) => settle(cutShort ?? { kind: "failed", error: failure(error) }),
  );
  return { ended, interrupt: () => cut({ kind: "interrupted" }) };
}

/** The handler's promise can be any object, so it is awaited here. */
async function invoke(job: Job, handle: JobHandler, signal: AbortSignal): Promise<JobResult> {
  return await handle(job, signal);
}

function timedOut(deadline: number): JobError {
  return new JobError("TimedOut", `It did not end within ${deadline / 1000} s and was interrupted`);
}

/** Describes any thrown value, even one that throws again when it is read. */
function failure(thrown: unknown): JobError {
  try {
    const { reason, message, retryable, retryAfter, host, cause } = asJobError(thrown);
    const wait = Number.isFinite(retryAfter) && { retryAfter };
    return new JobError(reason, String(message), { retryable, ...wait, ...(typeof host === "string" && { host }), cause });
  } catch {
    return new JobError("Unexpected", "A job threw something that cannot be shown");
  }
}

/** The job is done whatever its handler returned. A result that is no JSON is left out, because a retry would not help. */
function storable(result: JobResult): JobResult | undefined {
  try {
    JSON.stringify(result);
    return result ?? undefined;
  } catch {
    return undefined;
  }
}
