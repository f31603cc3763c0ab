import { describe, expect, it } from "vitest";
import { JobError } from "../../../src/core/jobs/errors.ts";
import type { AttemptReport } from "../../../src/queue/job-queue.ts";
import { buildJob, heldHandler, nothing, result, scanJob } from "../jobs.ts";
import { type Contract, hour, minute, second } from "./contract.ts";

export function describeStopping(contract: Contract): void {
  const { clock, open, reopen, until } = contract;

  describe("stopping and crashing", () => {
    it("starts nothing more, and waits for what ends within the grace", async () => {
      const queue = await open({ workers: 1 });
      const handler = heldHandler();
      queue.work(handler.handle);
      await queue.add(buildJob(1));
      await queue.add(buildJob(2));
      await contract.settle();
      const stopped = queue.stop(20 * second);
      await clock.advance(19 * second);
      expect(handler.runs[0]?.signal.aborted).toBe(false);
      handler.runs[0]?.finish();
      await stopped;
      await queue.ended;
      expect(handler.runs).toHaveLength(1);
      expect(await queue.counts()).toMatchObject({ waiting: 1, done: 1 });
    });

    it.each([
      ["obeys its signal", true],
      ["ignores its signal", false],
    ])("interrupts a job that %s after the grace, and nothing counts against it", async (_name, obeys) => {
      let queue = await open({ giveUpAfter: 1 });
      const reports: AttemptReport[] = [];
      const handler = heldHandler({ obeys });
      queue.work(handler.handle, (report) => reports.push(report));
      await queue.add(buildJob(1));
      await contract.settle();
      const stopped = queue.stop(20 * second);
      await clock.advance(minute);
      await stopped;
      expect(handler.runs[0]?.signal.aborted).toBe(true);
      expect(reports.map(({ outcome }) => outcome)).toEqual(["interrupted"]);
      const record = await queue.find("build-uid-1");
      expect(record).toMatchObject({ state: "waiting", attempts: 1 });
      expect(record?.dueAt).toBeLessThanOrEqual(clock.now());
      expect(record?.error).toBeUndefined();

      queue = await reopen(queue);
      queue.work(async () => result);
      await queue.idle();
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "done", attempts: 2 });
    });

    it("cuts a stop short when it is closed, and can be closed again", async () => {
      const queue = await open();
      const handler = heldHandler();
      queue.work(handler.handle);
      await queue.add(buildJob(1));
      await contract.settle();
      const stopped = queue.stop(hour);
      await Promise.all([queue.close(), queue.close()]);
      await stopped;
      await queue.ended;
      await expect(queue.add(buildJob(2))).rejects.toThrow(/closed/);
      expect((await (await open()).counts()).waiting).toBe(1);
    });

    it("leaves no timer behind that would keep the process alive", async () => {
      const queue = await open();
      queue.work(async () => {
        throw new JobError("RegistryUnavailable", "503");
      });
      await queue.add(buildJob(1));
      await contract.settle();
      expect(clock.pending()).toBeGreaterThan(0);
      await queue.close();
      expect(clock.pending()).toBe(0);
    });

    it("still takes jobs in after it was stopped", async () => {
      const queue = await open();
      queue.work(async () => nothing);
      await queue.stop(0);
      expect(await queue.add(buildJob(1))).toBe("added");
      await clock.advance(hour);
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "waiting", attempts: 0 });
    });

    it("can be closed without ever having worked", async () => {
      const queue = await open();
      await queue.close();
      await queue.ended;
    });

    it("runs what a crash interrupted again, reports it, and nothing counts against it", async () => {
      let queue = await open({ giveUpAfter: 1 });
      const handler = heldHandler();
      queue.work(handler.handle);
      await queue.add(buildJob(1));
      await queue.add(buildJob(2));
      await contract.settle();
      handler.runs[0]?.finish(result);
      await contract.settle();
      await contract.storage().crash(queue);
      await clock.advance(hour);

      queue = await open({ giveUpAfter: 1 });
      expect(await queue.counts()).toEqual({ waiting: 1, running: 0, done: 1, failed: 0, dismissed: 0 });
      const reports: AttemptReport[] = [];
      const after: string[] = [];
      queue.work(
        async (job) => {
          after.push(job.id);
          return nothing;
        },
        (report) => reports.push(report),
      );
      await queue.idle();
      expect(after).toEqual(["build-uid-2"]);
      expect(reports.map(({ outcome, record }) => `${record.job.id} ${outcome}`)).toEqual([
        "build-uid-2 interrupted",
        "build-uid-2 done",
      ]);
    });

    it("lets a job that keeps crashing the bot wait behind all others, and never loses it", async () => {
      let queue = await open({ workers: 1 });
      await queue.add(buildJob(1));
      await clock.advance(1);
      await Promise.all([2, 3, 4].map((number) => queue.add(scanJob(number))));
      const handler = heldHandler();
      for (let crash = 0; crash < 3; crash += 1) {
        queue.work(handler.handle);
        await contract.settle();
        await contract.storage().crash(queue);
        queue = await open({ workers: 1 });
      }
      expect(handler.runs.map(({ job }) => job.id)).toEqual(["build-uid-1", "build-uid-1", "build-uid-1"]);
      const order: string[] = [];
      queue.work(async (job) => {
        order.push(job.id);
        return nothing;
      });
      await contract.settle();
      expect(await queue.find("build-uid-1")).toMatchObject({
        state: "waiting",
        error: { message: expect.stringContaining("3 times") },
      });
      await until(async () => (await queue.counts()).done === 4);
      expect(order.at(-1)).toBe("build-uid-1");
    });
  });
}
