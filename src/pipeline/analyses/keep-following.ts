import { type Clock, sleep } from "../../core/clock.ts";
import type { JobQueue } from "../../queue/job-queue.ts";
import { recordsSince } from "../telling/records-since.ts";
import { analysesToFollow, type FollowQueue, type FollowWork } from "./follow-analyses.ts";
import { leaveUnfollowed } from "./leave-unfollowed.ts";

export interface KeepFollowingParts {
  readonly jobs: Pick<JobQueue, "recent" | "amend">;
  readonly follow: Pick<FollowQueue, "add" | "find" | "retry" | "forget">;
  /** Milliseconds for which an analysis is followed after its submission. */
  readonly followFor: number;
  /** Whether an analyzer can be asked about its analyses. */
  readonly isFollowed: (analyzer: string) => boolean;
  readonly clock: Clock;
}

/** Milliseconds between two looks through the records. */
const lookInterval = 60 * 60_000;

/**
 * Makes sure that every recent analysis is followed, including those that the bot did not get to before it was stopped or killed. Forgets those
 * that ended long ago, and marks those that nobody follows. Ends when the signal fires.
 */
export async function keepFollowing(parts: KeepFollowingParts, signal: AbortSignal): Promise<void> {
  const { jobs, follow, followFor, clock, isFollowed } = parts;
  while (!signal.aborted) {
    const horizon = clock.now() - followFor;
    for await (const records of recordsSince(jobs, "done", horizon)) {
      const followed = records.filter(({ job }) => isFollowed(job.analyzer));
      for (const work of followed.flatMap(analysesToFollow)) if (!signal.aborted) await takeUp(follow, work);
    }
    await follow.forget({ endedBefore: horizon, seenBefore: horizon, failed: true });
    await leaveUnfollowed(parts, horizon, signal);
    await sleep(clock, lookInterval, signal);
  }
}

/** Follows an analysis. One that was followed to its end is followed again, because its job was submitted again. */
export async function takeUp(follow: Pick<FollowQueue, "add" | "find" | "retry">, work: FollowWork): Promise<void> {
  if ((await follow.add(work)) === "added") return;
  const known = await follow.find(work.id);
  if (known?.state === "done" || known?.state === "failed") await follow.retry(work.id);
}
