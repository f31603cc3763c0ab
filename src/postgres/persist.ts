import { type Clock, sleep } from "../core/clock.ts";
import { type Backoff, backoffDelay } from "../core/jobs/retry.ts";
import { DatabaseError, type DatabaseFault } from "./database-error.ts";

export interface Persistence {
  readonly clock: Clock;
  /** Ends the waiting. The last error is then thrown. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the last error is thrown. Default: never. */
  readonly patience?: number;
  /** The faults that are waited for. Default: outages, and what a person has to fix. */
  readonly faults?: readonly DatabaseFault[];
  /** Called for every failure. */
  readonly onFailure?: (error: DatabaseError) => void;
}

/** The first wait is short, because after a restart of the server the connections in the pool fail once. */
const backoff: Backoff = { initial: 50, cap: 2_000 };

/** Does something with the database, and repeats it with growing waits while it fails for a reason that can pass. */
export async function persist<T>(operation: () => Promise<T>, persistence: Persistence): Promise<T> {
  const { clock, signal, patience = Number.POSITIVE_INFINITY, faults = ["outage", "setup"], onFailure } = persistence;
  let waited = 0;
  const began = performance.now();
  for (let failures = 1; ; failures += 1) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      onFailure?.(error);
      const delay = backoffDelay(failures, backoff, Math.random());
      waited = Math.max(waited + delay, performance.now() - began + delay);
      if (!faults.includes(error.fault) || waited > patience || signal?.aborted) throw error;
      await sleep(clock, delay, signal);
    }
  }
}
