import type { JobQueue, JobRecord } from "../../queue/job-queue.ts";

/** What changed since the last look, first change first; `many` when it is too much. */
export type Changes = { readonly kind: "some"; readonly records: readonly JobRecord[] } | { readonly kind: "many" };

/** How many of the last changed records are compared: more than a page shows. */
const watched = 100;

/** Finds changed records by comparing the last changed ones with their earlier state. One poll at a time. */
export function createChanges(queue: Pick<JobQueue, "recent">): { poll(): Promise<Changes> } {
  let known: ReadonlyMap<string, string> | undefined;

  return {
    async poll() {
      const records = await queue.recent(watched);
      const before = known;
      known = new Map(records.map((record) => [record.job.id, signature(record)]));
      if (!before) return { kind: "some", records: [] };
      const changed = records.filter((record) => before.get(record.job.id) !== known?.get(record.job.id));
      return changed.length === watched ? { kind: "many" } : { kind: "some", records: changed.reverse() };
    },
  };
}

/** A record's times stay the same while its analysis goes on, so they are not enough. */
function signature({ state, attempts, updatedAt, dueAt, result }: JobRecord): string {
  const analyses = result?.analyses.map((analysis) => analysis.state ?? "").join();
  return [state, attempts, updatedAt, dueAt, analyses, result?.link].join("|");
}
