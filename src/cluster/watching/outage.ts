import { type Clock, sleep } from "../../core/clock.ts";
import { ApiError } from "../api/api-error.ts";

/** Waits while the API server is away, so that all watches continue as soon as it is back. */
export interface Outage {
  /** Waits this many milliseconds, or less if the server answers sooner. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Milliseconds between questions to a server that is away; all waiting watches share them. */
const askEvery = 2_000;

/** Milliseconds over which waiting watches come back. */
const returnWithin = 500;

/** `ask` puts any question to the server; a refusal is an answer. */
export function createOutage(ask: (signal: AbortSignal) => Promise<unknown>, clock: Clock): Outage {
  const waiting = new Set<AbortController>();
  let isAsking = false;

  async function keepAsking(signal: AbortSignal): Promise<void> {
    while (waiting.size > 0 && !signal.aborted) {
      await sleep(clock, askEvery, signal);
      if (waiting.size > 0 && !signal.aborted && (await answers(signal))) wakeAll();
    }
    isAsking = false;
    wakeAll();
  }

  async function answers(signal: AbortSignal): Promise<boolean> {
    try {
      await ask(signal);
      return true;
    } catch (error) {
      return error instanceof ApiError && error.status !== undefined && error.status < 500;
    }
  }

  function wakeAll(): void {
    for (const sleeper of waiting) sleeper.abort();
    waiting.clear();
  }

  return {
    async wait(milliseconds, signal) {
      if (milliseconds <= askEvery) return sleep(clock, milliseconds, signal);
      const sleeper = new AbortController();
      waiting.add(sleeper);
      if (!isAsking) {
        isAsking = true;
        void keepAsking(signal);
      }
      await sleep(clock, milliseconds, AbortSignal.any([signal, sleeper.signal]));
      if (!waiting.delete(sleeper)) await sleep(clock, Math.random() * returnWithin, signal);
    },
  };
}
