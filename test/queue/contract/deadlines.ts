import { describe, expect, it } from "vitest";
import type { AttemptReport } from "../../../src/queue/job-queue.ts";
import { buildJob, heldHandler, result } from "../jobs.ts";
import { type Contract, minute, second } from "./contract.ts";

export function describeDeadlines(contract: Contract): void {
  const { clock, open, until } = contract;

  describe("deadlines", () => {
    it("interrupts a job at its deadline, records it as timed out and tries it again", async () => {
      const queue = await open({ jobTimeout: minute });
      const reports: AttemptReport[] = [];
      const handler = heldHandler();
      queue.work(handler.handle, (report) => reports.push(report));
      await queue.add(buildJob(1));
      await contract.settle();
      await clock.advance(59 * second);
      expect(handler.runs[0]?.signal.aborted).toBe(false);
      await clock.advance(second);
      expect(handler.runs[0]?.signal.aborted).toBe(true);
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "waiting", error: { reason: "TimedOut" } });
      expect(reports).toMatchObject([{ outcome: "retrying", milliseconds: minute }]);
      await until(() => handler.runs.length === 2);
    });

    it("gives the place away only when the handler settled", async () => {
      const queue = await open({ jobTimeout: minute, workers: 1 });
      const handler = heldHandler({ obeys: false });
      queue.work(handler.handle);
      await queue.add(buildJob(1));
      await contract.settle();
      await queue.add(buildJob(2));
      await clock.advance(minute + 5 * second);
      expect(handler.runs).toHaveLength(1);
      handler.runs[0]?.fail(new Error("its child is gone"));
      await contract.settle();
      expect(handler.runs.map(({ job }) => job.id)).toEqual(["build-uid-1", "build-uid-2"]);
      expect((await queue.find("build-uid-1"))?.error?.reason).toBe("TimedOut");
    });

    it("gives the place of a handler that ignores its signal away after a while, and drops its late answer", async () => {
      const queue = await open({ jobTimeout: minute, workers: 1 });
      const handler = heldHandler({ obeys: false });
      const reports: AttemptReport[] = [];
      queue.work(handler.handle, (report) => reports.push(report));
      await queue.add(buildJob(1));
      await contract.settle();
      await queue.add(buildJob(2));
      await clock.advance(minute + 30 * second);
      expect(await queue.find("build-uid-1")).toMatchObject({ error: { reason: "TimedOut" } });
      expect(await queue.find("build-uid-2")).toMatchObject({ state: "running" });
      handler.runs[0]?.finish(result);
      await contract.settle();
      expect((await queue.find("build-uid-1"))?.state).toBe("waiting");
      handler.runs[1]?.finish();
      await until(() => handler.runs.length === 3);
      handler.runs[2]?.finish();
      await queue.idle();
      expect(reports.map(({ outcome, record }) => `${record.job.id} ${outcome}`)).toEqual([
        "build-uid-1 retrying",
        "build-uid-2 done",
        "build-uid-1 done",
      ]);
    });

    it("keeps the success of a job that ends just after its deadline", async () => {
      const queue = await open({ jobTimeout: minute });
      const handler = heldHandler({ obeys: false });
      queue.work(handler.handle);
      await queue.add(buildJob(1));
      await contract.settle();
      await clock.advance(minute + second);
      handler.runs[0]?.finish(result);
      await queue.idle();
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "done", result });
    });
  });
}
