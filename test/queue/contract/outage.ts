import { describe, expect, it } from "vitest";
import { JobError } from "../../../src/core/jobs/errors.ts";
import { buildJob, heldHandler, nothing, scanJob } from "../jobs.ts";
import { type Contract, minute, second } from "./contract.ts";

export function describeOutage(contract: Contract): void {
  const { clock, open, until } = contract;

  describe("an outage of the endpoint", () => {
    it("fails no job, asks gently, and drains live jobs first afterwards", async () => {
      const queue = await open({ workers: 16 });
      let down = true;
      let requests = 0;
      const drained: string[] = [];
      queue.work(async (job) => {
        requests += 1;
        if (down) throw new JobError("AnalyzerUnavailable", "connect ECONNREFUSED");
        drained.push(job.cause);
        return nothing;
      });
      for (let batch = 0; batch < 10; batch += 1) {
        const jobs = Array.from({ length: 50 }, (_, index) => (index % 2 ? buildJob : scanJob)(50 * batch + index));
        await Promise.all(jobs.map((job) => queue.add(job)));
        await clock.advance(5 * minute);
      }
      expect(await queue.counts()).toEqual({ waiting: 500, running: 0, done: 0, failed: 0, dismissed: 0 });
      const probesAtMost = (50 * minute) / (30 * second);
      expect(requests).toBeLessThanOrEqual(16 + 7 + probesAtMost);
      expect(requests).toBeGreaterThan(probesAtMost / 4);

      down = false;
      const before = clock.now();
      await until(() => drained.length === 500);
      expect(clock.now() - before).toBeLessThanOrEqual(3 * minute);
      // Those that were tried last may come back a moment after the others.
      expect(drained.slice(0, 230).filter((cause) => cause === "scan").length).toBeLessThanOrEqual(16);
    });

    it("lets one job try at a time, and all once it succeeded", async () => {
      const queue = await open({ workers: 8 });
      const handler = heldHandler();
      await Promise.all(Array.from({ length: 20 }, (_, number) => queue.add(buildJob(number))));
      queue.work(handler.handle);
      await contract.settle();
      for (const run of handler.open()) run.fail(new JobError("AnalyzerUnavailable", "503"));
      await contract.settle();
      expect(handler.open()).toHaveLength(0);
      await until(() => handler.open().length > 0);
      await clock.advance(minute);
      expect(handler.open()).toHaveLength(1);
      handler.open()[0]?.finish();
      await contract.settle();
      expect(handler.open()).toHaveLength(8);
    });

    it("takes any other ending of that one job for a sign of life", async () => {
      const queue = await open({ workers: 4 });
      const handler = heldHandler();
      await Promise.all(Array.from({ length: 8 }, (_, number) => queue.add(buildJob(number))));
      queue.work(handler.handle);
      await contract.settle();
      for (const run of handler.open()) run.fail(new JobError("AnalyzerUnavailable", "503"));
      await contract.settle();
      await until(() => handler.open().length > 0);
      handler.open()[0]?.fail(new JobError("AnalyzerRejected", "400"));
      await contract.settle();
      expect(handler.open()).toHaveLength(4);
    });

    it("asks nothing for as long as the endpoint asked for", async () => {
      const queue = await open({ workers: 4 });
      const handler = heldHandler();
      await Promise.all(Array.from({ length: 8 }, (_, number) => queue.add(buildJob(number))));
      queue.work(handler.handle);
      await contract.settle();
      handler.open()[0]?.fail(new JobError("AnalyzerUnavailable", "429", { retryAfter: 10 * minute }));
      await contract.settle();
      for (const run of handler.open()) run.finish();
      await clock.advance(9.9 * minute);
      expect(handler.runs).toHaveLength(4);
      await clock.advance(0.2 * minute);
      expect(handler.runs).toHaveLength(5);
    });

    it.each(["AnalyzerUnavailable", "AnalyzerFailed"] as const)(
      "does not let images on which it always fails hold up what comes later: %s",
      async (reason) => {
        const queue = await open({ workers: 1 });
        const isPoisoned = (id: string) => /^build-uid-[0-5]$/.test(id);
        let failures = 0;
        queue.work(async ({ id }) => {
          if (!isPoisoned(id)) return nothing;
          failures += 1;
          throw new JobError(reason, "503");
        });
        await Promise.all([0, 1, 2, 3, 4, 5].map((number) => queue.add(buildJob(number))));
        await clock.advance(10 * minute);
        const jobs = Array.from({ length: 100 }, (_, number) => (number % 2 ? buildJob : scanJob)(10 + number));
        await Promise.all(jobs.map((job) => queue.add(job)));
        await clock.advance(2 * minute);
        expect(await queue.counts()).toMatchObject({ waiting: 6, done: 100 });
        failures = 0;
        await clock.advance(10 * minute);
        expect(failures).toBeGreaterThan(0);
        expect(failures).toBeLessThan(6 * 10 * 2);
      },
    );

    it("asks one job at a time, too, when every one of them meets an error", async () => {
      const queue = await open({ workers: 8 });
      let broken = true;
      let requests = 0;
      queue.work(async () => {
        requests += 1;
        if (broken) throw new JobError("AnalyzerFailed", "500");
        return nothing;
      });
      await Promise.all(Array.from({ length: 1_000 }, (_, number) => queue.add(buildJob(number))));
      await clock.advance(10 * minute);
      expect(requests).toBeLessThanOrEqual(8 + 10 * 12);
      expect(requests).toBeGreaterThan(10 * 5);
      broken = false;
      await clock.advance(minute);
      expect((await queue.counts()).done).toBeGreaterThan(900);
    });
  });
}
