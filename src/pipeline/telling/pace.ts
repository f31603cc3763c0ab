import { type Clock, sleep } from "../../core/clock.ts";

/** Lets callers through one after the other, this many milliseconds apart. Resolves when it is the caller's turn, or the signal fires. */
export function createPace(interval: number, clock: Clock): (signal: AbortSignal) => Promise<void> {
  let next = 0;
  return (signal) => {
    const now = clock.now();
    // A turn far in the future means that the clock was set back.
    const turn = next - now > 1_000 * interval ? now : Math.max(next, now);
    next = turn + interval;
    return turn > now ? sleep(clock, turn - now, signal) : Promise.resolve();
  };
}
