import { describe, expect, it } from "vitest";
import { createAwaitedJobs } from "../../src/pipeline/awaited-jobs.ts";
import type { JobRecord, Replica } from "../../src/queue/job-queue.ts";
import { buildJob, nothing } from "../queue/jobs.ts";
import { fakeClock } from "../support/fake-clock.ts";

const job = buildJob(1);
const record = (state: JobRecord["state"]): JobRecord => ({
  job,
  state,
  attempts: 1,
  createdAt: 0,
  updatedAt: 0,
  result: nothing,
});
const bot = (name: string, isSelf: boolean): Replica => ({ name, isSelf, startedAt: 0, seenAt: 0, running: [] });

function queue(known: () => Promise<JobRecord>, replicas: readonly Replica[] = [bot("a", true)]) {
  const never = new Promise<void>(() => undefined);
  return {
    add: async () => "added" as const,
    known,
    find: known,
    replicas: async () => replicas,
    idle: () => never,
  };
}

describe("jobs that a command waits for", () => {
  it("count even if they end before their record is known", async () => {
    const { promise, resolve } = Promise.withResolvers<JobRecord>();
    const awaited = createAwaitedJobs(
      queue(() => promise),
      fakeClock(),
    );
    const taken = awaited.take(job);
    await Promise.resolve();
    awaited.onAttempt({ outcome: "done", record: record("done"), milliseconds: 1 });
    resolve(record("done"));
    expect(await taken).toBe(true);
    expect(await awaited.settled(AbortSignal.timeout(5_000))).toEqual({ done: 1, failed: 0 });
  });

  it("count when another bot ended them", async () => {
    const clock = fakeClock();
    let state: JobRecord["state"] = "running";
    const awaited = createAwaitedJobs(
      queue(async () => record(state), [bot("a", true), bot("b", false)]),
      clock,
    );
    await awaited.take(job);
    const settled = awaited.settled(AbortSignal.timeout(5_000));
    await clock.advance(10_000);
    state = "failed";
    await clock.advance(10_000);
    expect(await settled).toEqual({ done: 0, failed: 1 });
  });
});
