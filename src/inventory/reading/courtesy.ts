import { sleep, systemClock } from "../../core/clock.ts";

/** The share of time in which the event loop has work to do, above which the bot is busy. */
const busyShare = 0.9;
/** Milliseconds over which the share is taken. */
const period = 100;
/** Milliseconds that an image waits at most, so that images are also read on a bot that is always busy. */
const longestWait = 2_000;

/** Makes a function that waits while the bot is busy: reading an image can wait, the watch and submissions cannot. */
export function createCourtesy(): (signal: AbortSignal) => Promise<void> {
  let since = performance.eventLoopUtilization();
  let isBusy = false;

  function look(): boolean {
    const { active, idle, utilization } = performance.eventLoopUtilization(since);
    if (active + idle < period) return isBusy;
    since = performance.eventLoopUtilization();
    isBusy = utilization > busyShare;
    return isBusy;
  }

  return async (signal) => {
    const latest = performance.now() + longestWait;
    while (look() && performance.now() < latest && !signal.aborted) await sleep(systemClock, period, signal);
  };
}
