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
