import { describe, expect, it } from "vitest";
import type { AttemptReport } from "../../../src/queue/job-queue.ts";
import { buildJob, heldHandler, nothing, result, scanJob } from "../jobs.ts";
import { type Contract, hour } from "./contract.ts";

export function describeRunning(contract: Contract): void {
  const { clock, open } = contract;

  describe("running jobs", () => {
    it("runs each job once, remembers its result and reports it", async () => {
      const queue = await open();
      const reports: AttemptReport[] = [];
      const handler = heldHandler();
      queue.work(handler.handle, (report) => reports.push(report));
      await queue.add(buildJob(1));
      await contract.settle();
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "running", attempts: 1 });
      await clock.advance(1_500);
      handler.runs[0]?.finish(result);
      await queue.idle();
      expect(await queue.find("build-uid-1")).toEqual({
        job: buildJob(1),
        state: "done",
        attempts: 1,
        createdAt: clock.now() - 1_500,
        updatedAt: clock.now(),
        result,
      });
      expect(reports).toEqual([{ record: await queue.find("build-uid-1"), outcome: "done", milliseconds: 1_500 }]);
      await clock.advance(hour);
      expect(handler.runs).toHaveLength(1);
    });

    it("starts a job that is added while it works without waiting for time to pass", async () => {
      const queue = await open();
      const ran: string[] = [];
      queue.work(async (job) => {
        ran.push(job.id);
        return nothing;
      });
      await queue.add(buildJob(1));
      await queue.idle();
      expect(ran).toEqual(["build-uid-1"]);
    });

    it("runs live jobs before scanned ones, each kind oldest first", async () => {
      const queue = await open({ workers: 1 });
      for (const job of [scanJob(1), scanJob(2), buildJob(3), buildJob(4, "webhook"), scanJob(5), buildJob(6, "command-line")]) {
        await queue.add(job);
        await clock.advance(1);
      }
      const order: string[] = [];
      queue.work(async (job) => {
        order.push(job.id);
        return nothing;
      });
      await queue.idle();
      expect(order).toEqual([buildJob(3), buildJob(4), buildJob(6), scanJob(1), scanJob(2), scanJob(5)].map(({ id }) => id));
    });

    it("never runs more jobs at once than it has workers, and never leaves one idle", async () => {
      const queue = await open({ workers: 3 });
      const handler = heldHandler();
      await Promise.all(Array.from({ length: 10 }, (_, number) => queue.add(buildJob(number))));
      queue.work(handler.handle);
      for (let ended = 0; ended < 10; ended += 1) {
        await contract.settle();
        expect(handler.open()).toHaveLength(Math.min(3, 10 - ended));
        handler.open()[0]?.finish();
      }
      await queue.idle();
      expect(handler.runs).toHaveLength(10);
    });

    it("cannot be set to work twice", async () => {
      const queue = await open();
      queue.work(async () => nothing);
      expect(() => queue.work(async () => nothing)).toThrow(/already/);
    });

    it("does not remember a job as failed because its handler answered nonsense", async () => {
      const queue = await open();
      const circular: { self?: unknown } = {};
      circular.self = circular;
      const answers: unknown[] = [undefined, null, "text", circular, 10n];
      queue.work(async () => answers.pop() as never);
      await Promise.all(answers.map((_, number) => queue.add(buildJob(number))));
      await queue.idle();
      expect((await queue.counts()).done).toBe(5);
    });
  });
}
