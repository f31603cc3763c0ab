import { expect, it } from "vitest";
import { measureReplicas } from "../../../src/pipeline/measuring/measure-replicas.ts";
import type { Replica } from "../../../src/queue/job-queue.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";

const replica = (name: string): Replica => ({ name, isSelf: name === "a", startedAt: 0, seenAt: 0, running: [] });

async function measured(queue: Parameters<typeof measureReplicas>[0]["queue"], database?: string): Promise<string> {
  const metrics = createMetrics({ ofProcess: false });
  measureReplicas({ queue, metrics, database });
  return metrics.text();
}

it("replicas are counted, and the database between them is up or down, by its name", async () => {
  const queue = { replicas: async () => [replica("a"), replica("b")], trouble: () => undefined };
  const text = await measured(queue, "db:5432/bot");
  expect(text).toMatch(/^build_watcher_replicas 2$/m);
  expect(text).toMatch(/^build_watcher_database_up\{database="db:5432\/bot"\} 1$/m);
  const down = await measured({ ...queue, trouble: () => ({ since: 1, message: "It is gone." }) }, "db:5432/bot");
  expect(down).toMatch(/^build_watcher_database_up\{database="db:5432\/bot"\} 0$/m);
});

it("if jobs are in a file, no database can be down", async () => {
  const text = await measured({ replicas: async () => [replica("a")], trouble: () => undefined });
  expect(text).toMatch(/^build_watcher_replicas 1$/m);
  expect(text).not.toMatch(/^build_watcher_database_up/m);
});
