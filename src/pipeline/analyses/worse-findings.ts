import { newFindings, type Severity } from "../../core/jobs/findings.ts";
import { isSameProduct } from "../../core/jobs/job.ts";
import type { JobQueue, JobRecord } from "../../queue/job-queue.ts";

/** What one build has more of than the build before. */
export interface Worsening {
  readonly before: JobRecord;
  /** The worst first. */
  readonly more: readonly { readonly severity: Severity; readonly more: number }[];
}

/** How many records of a BuildConfig are searched for the build before. */
const mostRecords = 50;

/** How much worse a build's findings are than those of the build before, by the same analyzer; undefined if they are not, or that is unknown. */
export async function worseThanBefore(record: JobRecord, jobs: Pick<JobQueue, "recent">): Promise<Worsening | undefined> {
  const before = record.result?.findings?.severities && (await buildBefore(record, jobs));
  const more = newFindings(before?.result?.findings, record.result?.findings);
  return before && more.length > 0 ? { before, more } : undefined;
}

async function buildBefore({ job }: JobRecord, jobs: Pick<JobQueue, "recent">): Promise<JobRecord | undefined> {
  const { buildConfig, analyzer, completedAt } = job;
  if (!buildConfig || !completedAt) return undefined;
  const end = Date.parse(completedAt);
  const records = await jobs.recent(mostRecords, { buildConfig, analyzer });
  return records
    .filter(
      (other) =>
        other.job.id !== job.id && isSameProduct(other.job, job) && other.result?.findings?.severities && endOf(other) < end,
    )
    .reduce<JobRecord | undefined>((last, other) => (last && endOf(last) >= endOf(other) ? last : other), undefined);
}

function endOf({ job }: JobRecord): number {
  return Date.parse(job.completedAt ?? "") || 0;
}

/** "3 new critical, 1 new high since go-hello-world-41" */
export function describeWorsening({ before, more }: Worsening): string {
  const counts = more.map(({ severity, more: count }) => `${count} new ${severity}`).join(", ");
  return `${counts} since ${before.job.build?.name ?? before.job.id}`;
}
