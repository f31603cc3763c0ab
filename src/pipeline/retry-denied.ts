import { type Clock, sleep } from "../core/clock.ts";
import type { FailureReason } from "../core/jobs/errors.ts";
import type { JobQueue, JobRecord } from "../queue/job-queue.ts";
import type { Logger } from "../telemetry/log.ts";
import { whileReachable } from "./while-reachable.ts";

export interface RetryDeniedParts {
  readonly queue: Pick<JobQueue, "recent" | "retry">;
  /** When the files with logins last changed, in milliseconds since the epoch; undefined when there are none. */
  readonly loginsChangedAt: () => Promise<number | undefined>;
  readonly log: Logger;
  readonly clock: Clock;
}

const lookEvery = 30_000;
const batch = 200;
const reasons: readonly FailureReason[] = ["RegistryDenied", "LoginExpired"];

/** Retries jobs that registries denied, as soon as a file with logins is newer than the refusal. Ends with the signal. */
export async function retryDenied({ queue, loginsChangedAt, log, clock }: RetryDeniedParts, signal: AbortSignal): Promise<void> {
  let seen: number | undefined;
  while (!signal.aborted) {
    const changedAt = await loginsChangedAt();
    const isNew = changedAt !== undefined && changedAt !== seen;
    if (!isNew || (await whileReachable(() => retryBefore(changedAt)))) seen = changedAt;
    await sleep(clock, lookEvery, signal);
  }

  async function retryBefore(changedAt: number): Promise<true> {
    let retried = 0;
    for (const reason of reasons)
      for (const record of await refusedBefore(reason, changedAt)) if (await queue.retry(record.job.id)) retried += 1;
    if (retried > 0) log.info({ jobs: retried }, "Logins have changed; jobs that registries denied are retried");
    return true;
  }

  /** Given up, or waiting for its next attempt. */
  async function refusedBefore(reason: FailureReason, changedAt: number): Promise<readonly JobRecord[]> {
    const states = ["failed", "waiting"] as const;
    const found: JobRecord[] = [];
    for (const state of states) {
      for (let page = await queue.recent(batch, { state, reason }); page.length > 0; ) {
        found.push(...page.filter(({ updatedAt }) => updatedAt < changedAt));
        const last = page.at(-1);
        page =
          page.length < batch || !last
            ? []
            : await queue.recent(batch, { state, reason, before: last.job.id, beforeTime: last.updatedAt });
      }
    }
    return found;
  }
}
