import { type Clock, sleep } from "../../core/clock.ts";
import type { JobQueue } from "../../queue/job-queue.ts";
import { createBatches } from "../telling/batches.ts";
import type { FollowQueue, FollowWork } from "./follow-analyses.ts";
import { takeUp } from "./keep-following.ts";

export interface TakingUpParts {
  readonly jobs: Pick<JobQueue, "firstDue">;
  readonly follow: Pick<FollowQueue, "add" | "find" | "retry">;
  readonly clock: Clock;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  readonly failed: (error: unknown) => void;
}

/** Takes up analyses to follow soon after their jobs are done, but lets jobs that wait go first. */
export interface TakingUp {
  add(work: FollowWork): void;
  /** Takes up what was added so far. Resolves when that is done. */
  flush(): Promise<void>;
}

/** Milliseconds that works are collected, between two looks for jobs that wait, and after which such jobs no longer matter. */
const collecting = 1_000;
const lookInterval = 500;
const longestWait = 10_000;
/** Works written in one turn of the event loop. */
const atOnce = 100;

export function createTakingUp({ jobs, follow, clock, signal, failed }: TakingUpParts): TakingUp {
  let last = Promise.resolve();
  const batches = createBatches<FollowWork>(collecting, clock, (works) => {
    const latest = clock.now() + longestWait;
    last = last.then(() => takeUpAll(works, latest)).catch(failed);
  });

  async function takeUpAll(works: readonly FollowWork[], latest: number): Promise<void> {
    while (clock.now() < latest && !signal.aborted && (await isJobDue())) await sleep(clock, lookInterval, signal);
    for (let from = 0; from < works.length; from += atOnce)
      await Promise.all(works.slice(from, from + atOnce).map((work) => takeUp(follow, work)));
  }

  async function isJobDue(): Promise<boolean> {
    const due = await jobs.firstDue();
    return due !== undefined && due <= clock.now();
  }

  return {
    add: batches.add,
    flush() {
      batches.flush();
      return last;
    },
  };
}
