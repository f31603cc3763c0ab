import type { Clock } from "../../src/core/clock.ts";

/** A clock that moves only when it is told to. */
export interface FakeClock extends Clock {
  /** Moves on by so many milliseconds, running every timer on the way at its time and letting what it set off settle before the next. */
  advance(milliseconds: number): Promise<void>;
  /** Puts the clock to another time without running timers, as an administrator does; timers keep their distance. */
  set(time: number): void;
  /** Timers that wait. */
  pending(): number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Time as the clock's timers count it: it never goes back. `atRest` resolves once what a timer set off has settled. */
export function fakeClock(start = Date.UTC(2024, 0, 1), atRest: () => Promise<void> = settle): FakeClock {
  const timers = new Set<Timer>();
  let elapsed = 0;
  let zero = start;

  function next(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of timers) if (timer.at <= until && (!first || timer.at < first.at)) first = timer;
    return first;
  }

  return {
    now: () => zero + elapsed,
    schedule(milliseconds, run) {
      const timer = { at: elapsed + Math.max(milliseconds, 0), run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(milliseconds) {
      const until = elapsed + milliseconds;
      await atRest();
      for (let timer = next(until); timer; timer = next(until)) {
        timers.delete(timer);
        elapsed = Math.max(elapsed, timer.at);
        timer.run();
        await atRest();
      }
      elapsed = until;
      await atRest();
    },
    set(time) {
      zero = time - elapsed;
    },
    pending: () => timers.size,
  };
}

/** Lets promise jobs and immediates run, and what they set off in their turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
