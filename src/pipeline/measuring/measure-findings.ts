import { type Clock, sleep } from "../../core/clock.ts";
import { severities } from "../../core/jobs/findings.ts";
import { type JobQueue, recordsOfBuilds } from "../../queue/job-queue.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { whileReachable } from "../while-reachable.ts";

export interface FindingsParts {
  readonly queue: Pick<JobQueue, "lastOfBuildConfigs" | "recent" | "ofGroups">;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** BuildConfigs per step, and milliseconds between two rounds. */
const page = 200;
const interval = 60_000;

type Row = { readonly analyzer: string; readonly severity: string };

/** Measures what the newest build of each BuildConfig holds, until the signal fires. */
export async function measureFindings({ queue, metrics, clock }: FindingsParts, signal: AbortSignal): Promise<void> {
  let rows: readonly { readonly labels: Row; readonly value: number }[] = [];
  metrics.gauge("findings", () => rows);
  while (!signal.aborted) {
    rows = (await whileReachable(() => total(queue, signal))) ?? rows;
    await sleep(clock, interval, signal);
  }
}

async function total(queue: FindingsParts["queue"], signal: AbortSignal) {
  const sums = new Map<string, { readonly labels: Row; value: number }>();
  for (let after: string | undefined = ""; after !== undefined && !signal.aborted; ) {
    const newest = await queue.lastOfBuildConfigs(page, after);
    for (const { job, result } of (await recordsOfBuilds(queue, newest)).flat()) {
      const counts = result?.findings?.severities;
      if (!counts) continue;
      for (const severity of severities) add(sums, { analyzer: job.analyzer, severity }, counts[severity]);
    }
    after = newest.length === page ? newest.at(-1)?.job.buildConfig : undefined;
    // Thousands of BuildConfigs must not keep a probe waiting.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return [...sums.values()];
}

function add(sums: Map<string, { readonly labels: Row; value: number }>, labels: Row, value: number): void {
  const key = Object.values(labels).join(" ");
  const sum = sums.get(key) ?? { labels, value: 0 };
  sum.value += value;
  sums.set(key, sum);
}
