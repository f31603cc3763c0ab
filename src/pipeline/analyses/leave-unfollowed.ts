import { setImmediate as nextTurn } from "node:timers/promises";
import type { JobQueue, JobRecord, RecordFilter } from "../../queue/job-queue.ts";
import { analysesToFollow, type FollowQueue, type FollowWork, leftNote, withoutProgress } from "./follow-analyses.ts";

export interface LeaveParts {
  readonly jobs: Pick<JobQueue, "recent" | "amend">;
  /** Absent where no analysis is followed. */
  readonly follow?: Pick<FollowQueue, "find">;
  /** Whether an analyzer can be asked about its analyses. */
  readonly isFollowed: (analyzer: string) => boolean;
}

/** Records read from the ledger at a time. */
const pageSize = 200;

/**
 * Marks analyses that nobody follows, so that no record says for ever that they run: those of analyzers that cannot be asked, and those of jobs
 * that ended before a time (ms). Ends early when the signal fires.
 */
export async function leaveUnfollowed(
  { jobs, follow, isFollowed }: LeaveParts,
  horizon: number,
  signal?: AbortSignal,
): Promise<void> {
  for (let below: Pick<RecordFilter, "before" | "beforeTime"> = {}; ; await nextTurn()) {
    const page = await jobs.recent(pageSize, { outcome: "analysing", ...below });
    const last = page.at(-1);
    for (const { jobId, analysisId } of (await Promise.all(page.map(left))).flat()) {
      if (signal?.aborted) return;
      await jobs.amend(jobId, (result) => withoutProgress(result, analysisId, leftNote(analysisId)));
    }
    if (!last || page.length < pageSize) return;
    below = { before: last.job.id, beforeTime: last.updatedAt };
  }

  async function left(record: JobRecord): Promise<readonly FollowWork[]> {
    const works = analysesToFollow(record);
    if (!isFollowed(record.job.analyzer)) return works;
    if (record.updatedAt >= horizon) return [];
    const awaited = await Promise.all(works.map(({ id }) => isAwaited(id)));
    return works.filter((_, index) => !awaited[index]);
  }

  async function isAwaited(id: string): Promise<boolean> {
    const record = await follow?.find(id);
    return record?.state === "waiting" || record?.state === "running";
  }
}
