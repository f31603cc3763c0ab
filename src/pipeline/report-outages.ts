import { type Clock, isoTime, sleep } from "../core/clock.ts";
import type { JobQueue } from "../queue/job-queue.ts";
import type { Logger } from "../telemetry/log.ts";

export interface ReportOutagesParts {
  readonly queue: Pick<JobQueue, "trouble">;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Milliseconds between two looks, which ask nobody. */
const lookInterval = 1_000;

/** Logs when the queue's storage cannot be reached any more, and when it can again, until the signal fires. */
export async function reportOutages({ queue, log, clock }: ReportOutagesParts, signal: AbortSignal): Promise<void> {
  let since: number | undefined;
  while (!signal.aborted) {
    const trouble = queue.trouble();
    if (trouble && since === undefined) log.error({ error: trouble.message }, "Jobs cannot be kept just now; the bot waits");
    if (!trouble && since !== undefined) log.info({ since: isoTime(since) }, "Jobs can be kept again; the bot goes on");
    since = trouble?.since;
    await sleep(clock, lookInterval, signal);
  }
}
