import { type Clock, sleep } from "../../core/clock.ts";
import { type Backoff, backoffDelay } from "../../core/jobs/retry.ts";
import { ApiError, type ApiFault } from "./api-error.ts";

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
      if (signal.aborted || failures >= attempts || !isPassing(error)) throw error;
      const pause = Math.max(backoffDelay(failures, backoff, Math.random()), Math.min(error.retryAfter ?? 0, backoff.cap));
      await sleep(clock, pause, signal);
    }
  }
}

/** Whether the same request may succeed a little later. */
export function isPassing(error: unknown): error is ApiError {
  return error instanceof ApiError && passing.includes(error.fault);
}
