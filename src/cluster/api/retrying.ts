import { type Clock, sleep } from "../../core/clock.ts";
import { type Backoff, backoffDelay } from "../../core/jobs/retry.ts";
import { ApiError, type ApiFault } from "./api-error.ts";
import { refusalsOfStart } from "./served-paths.ts";

const passing: readonly ApiFault[] = ["BadData", "Silent", "Unavailable", "Unreachable"];

export interface Patience {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly clock: Clock;
}

/** Repeats a read after temporary failures. It waits as long as the server asks, up to the backoff's cap. */
export async function retrying<T>(patience: Patience, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
  const { attempts, backoff, clock } = patience;
  for (let failures = 1; ; failures++) {
    try {
      return await read();
    } catch (error) {
      // What failed a moment ago and is refused now has probably just started.
      const mayPass = isPassing(error) || (failures > 1 && isRefused(error, ...refusalsOfStart));
      if (signal.aborted || failures >= attempts || !mayPass) throw error;
      const pause = Math.max(backoffDelay(failures, backoff, Math.random()), Math.min(waitOf(error), backoff.cap));
      await sleep(clock, pause, signal);
    }
  }
}

function waitOf(error: unknown): number {
  return (error instanceof ApiError ? error.retryAfter : undefined) ?? 0;
}

/** Whether a request failed in one of these ways for good: not only because the server has just started. */
export function isRefused(error: unknown, ...faults: readonly ApiFault[]): boolean {
  return error instanceof ApiError && faults.includes(error.fault) && !isPassing(error);
}

/** Whether the same request may succeed a little later. */
export function isPassing(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  return passing.includes(error.fault) || (error.servedBefore && refusalsOfStart.includes(error.fault));
}
