import { setImmediate } from "node:timers/promises";
import type { JobQueue, JobRecord, JobState, QueuedWork, RecordFilter } from "../../queue/job-queue.ts";

/** Records read from the ledger at a time. */
const pageSize = 200;

/** The records in a state that changed at or after a time (ms), last changed first, in pages. Between two pages other work gets its turn. */
export async function* recordsSince<Work extends QueuedWork, Result>(
  queue: Pick<JobQueue<Work, Result>, "recent">,
  state: JobState,
  since: number,
): AsyncGenerator<readonly JobRecord<Work, Result>[]> {
  for (let below: Pick<RecordFilter, "before" | "beforeTime"> = {}; ; ) {
    const page = await queue.recent(pageSize, { state, ...below });
    const last = page.at(-1);
    const young = page.filter(({ updatedAt }) => updatedAt >= since);
    if (young.length > 0) yield young;
    if (!last || young.length < pageSize) return;
    below = { before: last.job.id, beforeTime: last.updatedAt };
    await setImmediate();
  }
}
