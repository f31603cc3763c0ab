import { describeJob } from "../../core/jobs/job.ts";
import type { AttemptReport, JobQueue, JobRecord } from "../../queue/job-queue.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { FollowResult, FollowWork } from "./follow-analyses.ts";

export interface ReportAnalysisParts {
  readonly jobs: Pick<JobQueue, "find">;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Logs and measures every analysis that ended or is no longer followed. Never rejects. */
export async function reportAnalysis(
  parts: ReportAnalysisParts,
  { record, outcome }: AttemptReport<FollowWork, FollowResult>,
): Promise<void> {
  if (outcome !== "done" && outcome !== "failed") return;
  const { jobId, analysisId } = record.job;
  // The end is logged even if its job cannot be read now.
  const of = await parts.jobs.find(jobId).catch(() => undefined);
  const subject = { subject: of ? describeJob(of.job) : jobId, job: jobId, analyzer: of?.job.analyzer, analysis: analysisId };
  if (outcome === "done" && record.result?.state !== undefined) {
    if (of) measureAnalysis(parts.metrics, of, analysisId, record.result);
    if (record.result.state === "succeeded") parts.log.info(subject, "Analysis succeeded");
    else parts.log.warn({ ...subject, notes: of?.result?.notes.filter((note) => note.includes(analysisId)) }, "Analysis failed");
  }
  if (outcome === "failed") {
    const { reason, message } = record.error ?? {};
    parts.log.warn({ ...subject, reason, error: message }, "An analysis is no longer followed");
  }
}

/** A cached analysis ended before it was asked for, so it does not show how long one takes. */
function measureAnalysis(metrics: Metrics, record: JobRecord, analysisId: string, { state, endedAt }: FollowResult): void {
  const analysis = record.result?.analyses.find(({ id }) => id === analysisId);
  if (!analysis || analysis.cached || state === undefined || endedAt === undefined) return;
  const { submittedAt } = record.result ?? {};
  if (submittedAt !== undefined)
    metrics.observe("analysisDuration", { adapter: record.job.analyzer, outcome: state }, (endedAt - submittedAt) / 1000);
  const completedAt = Date.parse(record.job.completedAt ?? "");
  if (analysis.of === "output" && completedAt) metrics.observe("endToEnd", { outcome: state }, (endedAt - completedAt) / 1000);
}
