import type { Clock } from "../../core/clock.ts";
import { type JobOutcome, jobOutcomes } from "../../core/jobs/job-outcome.ts";
import type { AttemptReport, JobQueue, QueuedWork } from "../../queue/job-queue.ts";
import { jobStates } from "../../queue/job-queue.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

/** A queue's work, the label `kind` of metrics. */
export type QueueKind = "submit" | "follow" | "notify";

/** The same queue, measured. */
export function measureQueue<Work extends QueuedWork, Result>(
  queue: JobQueue<Work, Result>,
  kind: QueueKind,
  metrics: Metrics,
  clock: Clock,
  analyzers: readonly string[] = [""],
): JobQueue<Work, Result> {
  metrics.gauge("jobs", async () => {
    const tally = await queue.tally();
    const counted = new Map(tally.map(({ analyzer, outcome, jobs }) => [`${outcome} ${analyzer}`, jobs]));
    const names = new Set([...analyzers, ...tally.map(({ analyzer }) => analyzer)]);
    return [...names].flatMap((analyzer) =>
      outcomesOf(kind).map((outcome) => ({
        labels: { kind, analyzer, state: stateOf(outcome), outcome },
        value: counted.get(`${outcome} ${analyzer}`) ?? 0,
      })),
    );
  });
  metrics.gauge("oldestDueAge", () => {
    const ageOf = async (analyzer: string) => {
      const due = await queue.firstDue(analyzer);
      const now = clock.now();
      return { labels: { kind, analyzer }, value: Math.max(now - (due ?? now), 0) / 1000 };
    };
    return Promise.all(analyzers.map(ageOf));
  });

  // A rate sees the first step only if the series exists from the start.
  for (const analyzer of analyzers)
    for (const outcome of ["done", "failed"]) metrics.count("jobsFinished", { kind, analyzer, outcome }, 0);

  return {
    ...queue,
    async add(work, how) {
      const answer = await queue.add(work, how);
      metrics.count("jobsEnqueued", { kind, analyzer: work.analyzer ?? "", result: answer === "added" ? "new" : "duplicate" });
      return answer;
    },
    work: (handle, report) =>
      queue.work(handle, (attempt) => {
        measureAttempt(metrics, kind, attempt, clock.now());
        report?.(attempt);
      }),
  };
}

/** Only jobs are analysed. */
function outcomesOf(kind: QueueKind): readonly JobOutcome[] {
  return kind === "submit" ? jobOutcomes : jobStates;
}

function stateOf(outcome: JobOutcome): string {
  return jobStates.find((state) => state === outcome) ?? "done";
}

function measureAttempt<Work extends QueuedWork, Result>(
  metrics: Metrics,
  kind: QueueKind,
  { record, outcome, milliseconds }: AttemptReport<Work, Result>,
  now: number,
): void {
  const { analyzer = "" } = record.job;
  const reason = outcome === "failed" || outcome === "retrying" ? (record.error?.reason ?? "Unexpected") : "";
  metrics.count("jobAttempts", { kind, analyzer, outcome, reason });
  if (outcome === "done" || outcome === "failed") metrics.count("jobsFinished", { kind, analyzer, outcome });
  if (outcome === "interrupted") return;
  metrics.observe("jobDuration", { kind, analyzer, outcome }, milliseconds / 1000);
  if (record.attempts === 1) metrics.observe("queueWait", { kind, analyzer }, (now - milliseconds - record.createdAt) / 1000);
}
