import type { Clock } from "../core/clock.ts";
import type { AttemptReport, JobQueue, QueuedWork } from "../queue/job-queue.ts";
import { jobStates } from "../queue/job-queue.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** The work a queue does, as the metrics' label `kind` names it. */
export type QueueKind = "submit" | "follow" | "notify";

/** The same queue, with what goes in, waits and ends measured. */
export function measureQueue<Work extends QueuedWork, Result>(
  queue: JobQueue<Work, Result>,
  kind: QueueKind,
  metrics: Metrics,
  clock: Clock,
): JobQueue<Work, Result> {
  metrics.gauge("jobs", () => {
    const counts = queue.counts();
    return jobStates.map((state) => ({ labels: { kind, state }, value: counts[state] }));
  });
  metrics.gauge("oldestDueAge", () => {
    const now = clock.now();
    return [{ labels: { kind }, value: Math.max(now - (queue.firstDue() ?? now), 0) / 1000 }];
  });

  // A series that is there from the start lets a rate see its first step.
  for (const outcome of ["done", "failed"]) metrics.count("jobsFinished", { kind, outcome }, 0);

  return {
    ...queue,
    async add(work) {
      const answer = await queue.add(work);
      metrics.count("jobsEnqueued", { kind, result: answer === "added" ? "new" : "duplicate" });
      return answer;
    },
    work: (handle, report) =>
      queue.work(handle, (attempt) => {
        measureAttempt(metrics, kind, attempt, clock.now());
        report?.(attempt);
      }),
  };
}

function measureAttempt<Work extends QueuedWork, Result>(
  metrics: Metrics,
  kind: QueueKind,
  { record, outcome, milliseconds }: AttemptReport<Work, Result>,
  now: number,
): void {
  const reason = outcome === "failed" || outcome === "retrying" ? (record.error?.reason ?? "Unexpected") : "";
  metrics.count("jobAttempts", { kind, outcome, reason });
  if (outcome === "done" || outcome === "failed") metrics.count("jobsFinished", { kind, outcome });
  if (outcome === "interrupted") return;
  metrics.observe("jobDuration", { kind, outcome }, milliseconds / 1000);
  if (record.attempts === 1) metrics.observe("queueWait", { kind }, (now - milliseconds - record.createdAt) / 1000);
}
