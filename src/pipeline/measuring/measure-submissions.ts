import type { AttemptReport } from "../../queue/job-queue.ts";
import type { CopyReport } from "../../registry/image-copier.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

/** Counts what a job's attempt submitted. */
export function measureSubmission(metrics: Metrics, { record, outcome }: AttemptReport): void {
  if (outcome !== "done" || !record.result || record.result.sameAs !== undefined) return;
  const { analyses } = record.result;
  const logs = analyses.filter(({ of }) => of === "build-log").length;
  if (analyses.length > logs) metrics.count("imagesSubmitted", {}, analyses.length - logs);
  if (logs > 0) metrics.count("buildLogsSubmitted", {}, logs);
}

/** Counts an image that was pushed to the external registry, unless it was already there. */
export function measureCopy(metrics: Metrics, report: CopyReport): void {
  if (report.kind !== "ended" || report.outcome !== "copied") return;
  metrics.count("imagesCopied", {});
  const [host = ""] = report.target.split("/");
  if (report.bytes !== undefined) metrics.count("copyBytes", { target: host }, report.bytes);
}

/** An HTTP request that ended; without a status when there was no answer. */
export interface MeasuredRequest {
  readonly method: string;
  readonly status: number | undefined;
  readonly milliseconds: number;
}

/** Measures a request of the bot; `adapter` is the part that sent it. */
export function measureRequest(metrics: Metrics, adapter: string, { method, status, milliseconds }: MeasuredRequest): void {
  metrics.observe("httpRequests", { adapter, method, code: String(status ?? "none") }, milliseconds / 1000);
}
