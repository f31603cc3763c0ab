import { type Clock, sleep } from "../../core/clock.ts";
import type { JobQueue } from "../../queue/job-queue.ts";

/** Milliseconds between two looks at which bots there are. */
const lookInterval = 5_000;

/** Makes a function that waits so many milliseconds, or until another bot on the queue is gone: it can have left something undone. Never rejects. */
export function createLostBotWatch(
  queue: Pick<JobQueue, "replicas">,
  clock: Clock,
): (milliseconds: number, signal: AbortSignal) => Promise<void> {
  let known: ReadonlySet<string> = new Set();

  /** While the queue cannot be read, nobody counts as gone. */
  async function isOneGone(): Promise<boolean> {
    const bots = await queue.replicas().catch(() => undefined);
    if (!bots) return false;
    const before = known;
    known = new Set(bots.map(({ name, startedAt }) => `${name} ${startedAt}`));
    return [...before].some((bot) => !known.has(bot));
  }

  return async (milliseconds, signal) => {
    const end = clock.now() + milliseconds;
    while (!(await isOneGone()) && clock.now() < end && !signal.aborted) await sleep(clock, lookInterval, signal);
  };
}
