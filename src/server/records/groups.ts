import { groupOf } from "../../core/jobs/job.ts";
import { failedOutcomes, outcomeOf } from "../../core/jobs/job-outcome.ts";
import type { JobQueue, JobRecord } from "../../queue/job-queue.ts";

/** The jobs of one build or image, one per analyzer: one row of the page. */
export interface RecordGroup {
  readonly id: string;
  /** In the order in which they were taken in. */
  readonly members: readonly JobRecord[];
  /** The most important one: one that failed, else one that is not done, else the first. */
  readonly lead: JobRecord;
}

/**
 * Groups records, each group at the place of its first record. With `fits`, the records are a page of a list, last changed first: a group
 * that is already higher up in that list, because of another record that fits, is left out.
 */
export async function gatherGroups(
  queue: Pick<JobQueue, "ofGroups">,
  records: readonly JobRecord[],
  fits: (record: JobRecord) => boolean = () => false,
): Promise<readonly RecordGroup[]> {
  const ids = [...new Set(records.map(({ job }) => groupOf(job)))];
  const members = Map.groupBy(ids.length > 0 ? await queue.ofGroups(ids) : [], ({ job }) => groupOf(job));
  const listed = new Map(records.toReversed().map((record) => [groupOf(record.job), record]));
  return ids.flatMap((id) => {
    const all = members.get(id) ?? [];
    const first = listed.get(id);
    // A record can have changed since it was listed; then it is not listed elsewhere.
    const others = all.filter(({ job }) => job.id !== first?.job.id);
    const isShownAbove = others.some((other) => first !== undefined && other.updatedAt > first.updatedAt && fits(other));
    return all.length === 0 || isShownAbove ? [] : [groupAs(id, all)];
  });
}

function groupAs(id: string, members: readonly JobRecord[]): RecordGroup {
  return { id, members, lead: worstFirst(members)[0] as JobRecord };
}

/** Those that failed, then those that are not done, then the others; each in their own order. */
export function worstFirst(members: readonly JobRecord[]): readonly JobRecord[] {
  return members.toSorted((a, b) => badness(b) - badness(a));
}

function badness({ state, result }: JobRecord): number {
  if (failedOutcomes.includes(outcomeOf(state, result))) return 2;
  return state === "done" ? 0 : 1;
}
