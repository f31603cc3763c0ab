import type { JobError } from "../../core/jobs/errors.ts";
import { type Backoff, backoffDelay, longestRetryAfter } from "../../core/jobs/retry.ts";
import type { JobFailure, JobResult } from "../job-queue.ts";
import type { AttemptEnd } from "./attempt.ts";
import { type Gate, gateBackoff } from "./gate.ts";

/** What becomes of a job after an attempt. */
export type Verdict =
  | { readonly outcome: "done"; readonly result: JobResult | undefined }
  | { readonly outcome: "failed"; readonly error: JobFailure }
  | {
      readonly outcome: "retrying";
      readonly error: JobFailure;
      /** Milliseconds until it is retried. */
      readonly delay: number;
      /** The history's, at the next attempt. */
      readonly failingFor: number;
    }
  | { readonly outcome: "interrupted" };

/** How a job failed before this attempt, since it was added or last retried by hand. */
export interface History {
  readonly failures: number;
  /** Milliseconds it has been tried for since it first failed: its attempts and the waits between them, not the time the bot was off. */
  readonly failingFor: number;
}

export interface Circumstances {
  readonly now: number;
  /** Milliseconds the attempt took. */
  readonly took: number;
  /** In [0, 1). */
  readonly random: number;
  /** Milliseconds of being tried after which a job is given up. */
  readonly giveUpAfter: number;
  /** The delays of a failed job. */
  readonly backoff: Backoff;
  readonly gateBefore: Gate;
  /** The gate after this attempt. */
  readonly gate: Gate;
}

const longestMessage = 2_000;
const longestHost = 300;

/** Decides what an attempt means for its job: final failures end it, others by age alone, and an interruption never counts. */
export function judge(end: AttemptEnd, history: History, circumstances: Circumstances): Verdict {
  if (end.kind === "done") return { outcome: "done", result: end.result };
  if (end.kind === "interrupted") return { outcome: "interrupted" };
  const { reason, host } = end.error;
  const error = { reason, message: shorten(end.error.message), ...(host !== undefined && { host: host.slice(0, longestHost) }) };
  if (!end.error.retryable) return { outcome: "failed", error };
  const { took, giveUpAfter } = circumstances;
  // A clock that jumped forward under an attempt must not count: no attempt takes longer than it may.
  const age = history.failures === 0 ? 0 : history.failingFor + took;
  if (age >= giveUpAfter) return { outcome: "failed", error: { ...error, givenUpAfter: age } };
  const delay = delayOf(end.error, history.failures + 1, circumstances);
  return { outcome: "retrying", error, delay, failingFor: age + delay };
}

/**
 * A job that failed by the endpoint's fault waits for the gate and hardly longer, so that everything drains at once afterwards. One on which
 * an endpoint failed that was thought to be up is tried like any other: it may always fail, and others must not wait for it too often.
 */
function delayOf(error: JobError, failures: number, { now, random, backoff, gateBefore, gate }: Circumstances): number {
  const delays = error.pauses && gateBefore.kind === "shut" ? gateBackoff : backoff;
  const wait = Math.max(backoffDelay(failures, delays, random), Math.min(error.retryAfter ?? 0, longestRetryAfter));
  return error.pauses && gate.kind === "shut" ? Math.max(wait, gate.until - now) : wait;
}

function shorten(message: string): string {
  return message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
}
