import { performance } from "node:perf_hooks";
import type { Clock } from "../../src/core/clock.ts";

/** Turns of the event loop, a millisecond apart, without anything read or written: nothing in this process has work left but timers. */
const quietTurns = 3;
/** The longest step at once, so that a wait for something outside this process costs hours of this clock and not years. */
const longestStep = 5_000;

/** Other threads of this process read and write its files. Where the machine is busy they take longer than the quiet turns. */
function isUsingFiles(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"));
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export interface IdleClock extends Clock {
  /** Lets so many milliseconds pass at once. */
  leap(milliseconds: number): void;
}

/**
 * A clock that stands still while this process works and moves on to the next timer when it is idle: waits take no time, and a busy
 * machine makes nothing late. It suits bots and services that run in the test's own process.
 */
export function idleClock(): IdleClock {
  const start = Date.now();
  const timers = new Set<Timer>();
  let elapsed = 0;
  let quiet = 0;
  let seen = -1;
  let isTurning = false;

  function turn(): void {
    isTurning = timers.size > 0;
    if (isTurning) setTimeout(turn, 1);
    const { events } = performance.nodeTiming.uvMetricsInfo;
    quiet = events === seen && !isUsingFiles() ? quiet + 1 : 0;
    seen = events;
    if (quiet >= quietTurns) step();
  }

  function step(): void {
    quiet = 0;
    const next = Math.min(...[...timers].map(({ at }) => at));
    elapsed = Math.min(Math.max(next, elapsed), elapsed + longestStep);
    for (const timer of [...timers].filter(({ at }) => at <= elapsed).sort((one, other) => one.at - other.at)) {
      if (timers.delete(timer)) timer.run();
    }
  }

  return {
    now: () => start + Math.floor(elapsed),
    schedule(milliseconds, run) {
      const timer = { at: elapsed + Math.max(milliseconds, 0), run };
      timers.add(timer);
      if (!isTurning) setTimeout(turn, 1);
      isTurning = true;
      return () => timers.delete(timer);
    },
    leap(milliseconds) {
      elapsed += milliseconds;
    },
  };
}
