import type { JobQueue } from "../queue/job-queue.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface MeasureReplicasParts {
  readonly queue: Pick<JobQueue, "replicas" | "trouble">;
  readonly metrics: Pick<Metrics, "gauge">;
  /** What the database of the queue is called: host, port and name; undefined where it lies in a file. */
  readonly database: string | undefined;
}

/** Measures how many bots work together, and whether the database between them can be used. */
export function measureReplicas({ queue, metrics, database }: MeasureReplicasParts): void {
  metrics.gauge("replicas", async () => [{ labels: {}, value: (await queue.replicas()).length }]);
  if (database === undefined) return;
  metrics.gauge("databaseUp", () => [{ labels: { database }, value: queue.trouble() ? 0 : 1 }]);
}
