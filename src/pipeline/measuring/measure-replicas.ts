import type { JobQueue, Replica } from "../../queue/job-queue.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

export interface MeasureReplicasParts {
  readonly queue: Pick<JobQueue, "replicas" | "trouble">;
  readonly metrics: Pick<Metrics, "gauge">;
  /** The name of the queue's database: host, port and database. Undefined if the queue is in a file. */
  readonly database: string | undefined;
}

/** Measures which bots work together, since when, and what each runs, and whether the database between them can be used. */
export function measureReplicas({ queue, metrics, database }: MeasureReplicasParts): void {
  metrics.gauge("replicas", async () => [{ labels: {}, value: (await queue.replicas()).length }]);
  const each = async (read: (replica: Replica) => number) =>
    (await queue.replicas()).map((replica) => ({ labels: { replica: replica.name }, value: read(replica) }));
  metrics.gauge("replicaStarted", () => each(({ startedAt }) => startedAt / 1000));
  metrics.gauge("replicaRunning", () => each(({ running }) => running.length));
  if (database === undefined) return;
  metrics.gauge("databaseUp", () => [{ labels: { database }, value: queue.trouble() ? 0 : 1 }]);
}
