import { type Backoff, backoffDelay } from "../../core/jobs/retry.ts";
import type { Judgement } from "../api/trouble.ts";

export interface WatchPace {
  /** Pauses after failures. What only a person can fix is retried after the cap. */
  readonly backoff: Backoff;
  /** Milliseconds after which a connection counts as sound even if it delivered nothing. */
  readonly soundAfter: number;
  /** A watch that ends sooner (ms), without an event, is a failure. */
  readonly shortest: number;
  /** Milliseconds after which everything is listed again, even if nothing went wrong. */
  readonly relistEvery: number;
}

/** A watch's position and its recent failures. */
export interface Cursor {
  resourceVersion: string | undefined;
  listDue: boolean;
  listedAt: number;
  /** Failures since the last sound connection. */
  failures: number;
  /** Watches in a row that fell silent without delivering anything. */
  unheard: number;
  /** Whether a watch was ever opened. */
  hasWorked: boolean;
  /** Refusals in a row since then. */
  refusals: number;
  /** The last failure, until something is delivered. */
  last: Pick<Judgement, "reason" | "isAway"> | undefined;
}

/** Refusals that can be caused by a server's start: about ten seconds. After that a person must act. */
const refusalsOfStart = 8;
/** Doublings of the pause meanwhile. */
const settlingDoublings = 2;

/** A longer pause that the server asks for is cut to this: a watch must not sleep for an hour. */
const longestWait = 5 * 60_000;

/** A real server sends a bookmark each minute. One watch without any can be a half-open connection; a second one means that something holds it back. */
export const unheardWhenDeaf = 2;

/** A position at the beginning. */
export function createCursor(): Cursor {
  return {
    resourceVersion: undefined,
    listDue: true,
    listedAt: 0,
    failures: 0,
    unheard: 0,
    hasWorked: false,
    refusals: 0,
    last: undefined,
  };
}

/** Whether watches no longer deliver anything. */
export function isDeaf({ unheard }: Cursor): boolean {
  return unheard >= unheardWhenDeaf;
}

/** Notes that the connection is sound. */
export function recover(cursor: Cursor): void {
  cursor.failures = 0;
  cursor.last = undefined;
}

/** Whether a refusal can be caused by a server's start. */
export function mayPass({ hasWorked, refusals }: Cursor): boolean {
  return hasWorked && refusals < refusalsOfStart;
}

/** Notes a failure and says how many milliseconds to wait. */
export function fail(cursor: Cursor, judgement: Judgement, { backoff }: WatchPace): number {
  const { position, pace, retryAfter, reason, isAway } = judgement;
  const { last } = cursor;
  // An answer after an outage counts as a new start; a forgotten position is also an answer.
  const isNew = (last?.isAway && !isAway) || (pace === "at-once" && last?.reason !== reason);
  cursor.failures = isNew ? 1 : cursor.failures + 1;
  cursor.last = { reason, isAway };
  if (pace === "settling") cursor.refusals += 1;
  if (position !== "holds") cursor.listDue = true;
  if (position === "lost" || (position === "doubtful" && cursor.failures > 1)) cursor.resourceVersion = undefined;
  if (pace === "at-once" && isNew) return 0;
  const doublings = pace === "settling" ? Math.min(cursor.failures, 1 + settlingDoublings) : cursor.failures;
  const pause = pace === "slow" ? backoff.cap * (1 + Math.random() / 2) : backoffDelay(doublings, backoff, Math.random());
  return Math.round(Math.max(pause, Math.min(retryAfter ?? 0, longestWait)));
}
