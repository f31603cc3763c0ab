import type { JobQueue, JobRecord } from "../queue/job-queue.ts";

/** What changed since the last look, first change first; `many` when more changed than is looked at. */
export type Changes = { readonly kind: "some"; readonly records: readonly JobRecord[] } | { readonly kind: "many" };

/** So many records, those that changed last, are looked at: more than a page shows. */
const watched = 100;

/** Finds changed records by comparing the ones that changed last with how they were. One poll at a time. */
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

/** A record's place in the list stays when its analysis goes on, so that its times alone do not tell. */
function signature({ state, attempts, updatedAt, dueAt, result }: JobRecord): string {
  const analyses = result?.analyses.map((analysis) => analysis.state ?? "").join();
  return [state, attempts, updatedAt, dueAt, analyses, result?.link].join("|");
}
