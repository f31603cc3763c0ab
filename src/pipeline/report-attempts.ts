import { describeJob } from "../core/jobs/job.ts";
import { remedyFor } from "../core/jobs/remedies.ts";
import type { AttemptReport, JobRecord } from "../queue/job-queue.ts";
import type { Logger } from "../telemetry/log.ts";

/** Logs every attempt that ended: its subject, its outcome, and what to do if it failed. */
export function reportAttempt(log: Logger, { record, outcome, milliseconds }: AttemptReport): void {
  const subject = {
    subject: describeJob(record.job),
    job: record.job.id,
    analyzer: record.job.analyzer,
    seconds: milliseconds / 1000,
  };
  switch (outcome) {
    case "done":
      log.info({ ...subject, ...resultFields(record) }, "Job done");
      return;
    case "failed":
      log.error({ ...subject, ...errorFields(record), attempts: record.attempts, remedy: remedyOf(record) }, "Job failed");
      return;
    case "retrying":
      log.warn({ ...subject, ...errorFields(record), retryAt: timeOf(record.dueAt) }, "Attempt failed; the job will be retried");
      return;
    case "interrupted":
      log.info(subject, "Job interrupted; it runs again next time");
      return;
  }
}

function resultFields({ result }: JobRecord) {
  return {
    output: result?.output,
    base: result?.base,
    analyses: result?.analyses.map(({ of, id, cached }) => `${of} ${id}${cached ? " (cached)" : ""}`),
    notes: result?.notes,
  };
}

function errorFields({ error }: JobRecord) {
  return { reason: error?.reason, error: error?.message };
}

function remedyOf({ error }: JobRecord): string | undefined {
  return error && remedyFor({ ...error, host: undefined });
}

function timeOf(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}
