import type { JobError } from "../../core/jobs/errors.ts";
import { type Backoff, backoffDelay, longestRetryAfter } from "../../core/jobs/retry.ts";
import type { JobFailure, JobResult } from "../job-queue.ts";
import type { AttemptEnd } from "./attempt.ts";
import { type Gate, gateBackoff } from "./gate.ts";

/** What an attempt means for its job. */
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

/** How a job failed before this attempt, since it was added or last retried by a person. */
export interface History {
  readonly failures: number;
  /** How long (ms) it has been tried since it first failed: attempts and the waits between them, without the time when the bot was off. */
  readonly failingFor: number;
}

export interface Circumstances {
  readonly now: number;
  /** How long the attempt took, in milliseconds. */
  readonly took: number;
  /** In [0, 1). */
  readonly random: number;
  /** How long (ms) a job is retried before it is given up. */
  readonly giveUpAfter: number;
  /** The delays of a failed job. */
  readonly backoff: Backoff;
  readonly gateBefore: Gate;
  /** The gate after this attempt. */
  readonly gate: Gate;
}

const longestMessage = 2_000;
const longestHost = 300;

/** Decides what an attempt means for its job. A final failure ends it. Other failures end it only by age. An interruption never counts. */
export function judge(end: AttemptEnd, history: History, circumstances: Circumstances): Verdict {
  if (end.kind === "done") return { outcome: "done", result: end.result };
  if (end.kind === "interrupted") return { outcome: "interrupted" };
  const { reason, host } = end.error;
  const error = { reason, message: shorten(end.error.message), ...(host !== undefined && { host: host.slice(0, longestHost) }) };
  if (!end.error.retryable) return { outcome: "failed", error };
  const { took, giveUpAfter } = circumstances;
  // No attempt takes longer than its deadline, even if the clock jumped forward meanwhile.
  const age = history.failures === 0 ? 0 : history.failingFor + took;
  if (age >= giveUpAfter) return { outcome: "failed", error: { ...error, givenUpAfter: age } };
  const delay = delayOf(end.error, history.failures + 1, circumstances);
  return { outcome: "retrying", error, delay, failingFor: age + delay };
}

/**
 * A job that failed because of the endpoint waits for the gate and hardly longer, so that everything runs as soon as the endpoint is back. A job on which a
 * working endpoint failed is retried like any other: it may always fail, and others must not wait for it too often.
 */
function delayOf(error: JobError, failures: number, { now, random, backoff, gateBefore, gate }: Circumstances): number {
  const delays = error.pauses && gateBefore.kind === "shut" ? gateBackoff : backoff;
  const wait = Math.max(backoffDelay(failures, delays, random), Math.min(error.retryAfter ?? 0, longestRetryAfter));
  return error.pauses && gate.kind === "shut" ? Math.max(wait, gate.until - now) : wait;
}

function shorten(message: string): string {
  return message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
}
