import type { Clock } from "../../src/core/clock.ts";

/** A clock that runs so many times faster than the wall's. */
export function fastClock(factor: number): Clock {
  const start = Date.now();
  const began = performance.now();
  return {
    now: () => Math.round(start + (performance.now() - began) * factor),
    schedule(milliseconds, run) {
      const timer = setTimeout(run, Math.max(milliseconds, 0) / factor);
      return () => clearTimeout(timer);
    },
  };
}

export interface LeapingClock extends Clock {
  /** Moves on by so many milliseconds at once; what is due then runs. */
  leap(milliseconds: number): void;
}

/** The wall's clock, but it can leap. */
export function leapingClock(): LeapingClock {
  interface Timer {
    readonly at: number;
    readonly run: () => void;
    handle?: NodeJS.Timeout;
  }
  const timers = new Set<Timer>();
  let leapt = 0;
  const now = () => Date.now() + leapt;

  function end(timer: Timer): void {
    clearTimeout(timer.handle);
    timers.delete(timer);
  }

  function arm(timer: Timer): void {
    clearTimeout(timer.handle);
    const run = () => {
      end(timer);
      timer.run();
    };
    timer.handle = setTimeout(run, Math.min(Math.max(timer.at - now(), 0), longestTimer));
  }

  return {
    now,
    schedule(milliseconds, run) {
      const timer: Timer = { at: now() + milliseconds, run };
      timers.add(timer);
      arm(timer);
      return () => end(timer);
    },
    leap(milliseconds) {
      leapt += milliseconds;
      for (const timer of timers) arm(timer);
    },
  };
}

const longestTimer = 2 ** 31 - 1;
