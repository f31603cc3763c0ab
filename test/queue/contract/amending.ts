import { describe, expect, it } from "vitest";
import { JobError } from "../../../src/core/jobs/errors.ts";
import type { JobQueue, JobResult } from "../../../src/queue/job-queue.ts";
import { buildJob, heldHandler, result, scanJob } from "../jobs.ts";
import { type Contract, hour, minute } from "./contract.ts";

const noted = (text: string) => (before: JobResult) => ({ ...before, notes: [...before.notes, text] });

export function describeAmending(contract: Contract): void {
  const { clock, open, reopen } = contract;

  describe("what a job left behind", () => {
    async function queueWithDoneJob(): Promise<JobQueue> {
      const queue = await open();
      queue.work(async () => result);
      await queue.add(buildJob(1));
      await queue.idle();
      return queue;
    }

    it("can be changed later, and stays changed", async () => {
      const queue = await queueWithDoneJob();
      expect(await queue.amend("build-uid-1", noted("analyzed"))).toBe(true);
      expect((await queue.find("build-uid-1"))?.result).toEqual({ ...result, notes: ["analyzed"] });
      expect((await (await reopen(queue)).find("build-uid-1"))?.result?.notes).toEqual(["analyzed"]);
    });

    it("takes every change when several come at once", async () => {
      const queue = await queueWithDoneJob();
      const texts = Array.from({ length: 20 }, (_, number) => `note ${number}`);
      await Promise.all(texts.map((text) => queue.amend("build-uid-1", noted(text))));
      expect((await queue.find("build-uid-1"))?.result?.notes.toSorted()).toEqual(texts.toSorted());
    });

    it("keeps its place, state and times", async () => {
      const queue = await queueWithDoneJob();
      await clock.advance(minute);
      await queue.add(buildJob(2));
      await queue.idle();
      const before = await queue.find("build-uid-1");
      await clock.advance(minute);
      await queue.amend("build-uid-1", noted("analyzed"));
      expect(await queue.find("build-uid-1")).toEqual({ ...before, result: { ...result, notes: ["analyzed"] } });
      expect((await queue.recent(2)).map(({ job }) => job.id)).toEqual(["build-uid-2", "build-uid-1"]);
    });

    it("is not there to be changed for an unknown job, nor for one that was never done", async () => {
      const queue = await open();
      queue.work(async () => {
        throw new JobError("ImageNotFound", "gone");
      });
      await queue.add(buildJob(1));
      await queue.idle();
      expect(await queue.amend("build-uid-1", noted("x"))).toBe(false);
      expect(await queue.amend("build-unknown", noted("x"))).toBe(false);
    });

    it("is as it was when the change throws, and the queue goes on", async () => {
      const queue = await queueWithDoneJob();
      const failing = queue.amend("build-uid-1", () => {
        throw new Error("no");
      });
      await expect(failing).rejects.toThrow("no");
      expect((await queue.find("build-uid-1"))?.result).toEqual(result);
      expect(await queue.amend("build-uid-1", (same) => same)).toBe(true);
      expect((await queue.find("build-uid-1"))?.result).toEqual(result);
    });
  });

  describe("the first due time", () => {
    it("is that of the waiting job that is or was due first", async () => {
      const queue = await open({ workers: 1 });
      expect(await queue.firstDue()).toBeUndefined();
      const start = clock.now();
      await queue.add(scanJob(1));
      await clock.advance(minute);
      await queue.add(buildJob(2));
      expect(await queue.firstDue()).toBe(start);
      const handler = heldHandler();
      queue.work(handler.handle);
      await contract.settle();
      handler.runs[0]?.fail(new JobError("RegistryUnavailable", "503", { retryAfter: hour }));
      await contract.settle();
      expect(handler.runs).toHaveLength(2);
      expect(await queue.firstDue()).toBe(start + minute + hour);
    });
  });
}
