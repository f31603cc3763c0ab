import { describe, expect, it } from "vitest";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import { JobError } from "../../../src/core/jobs/errors.ts";
import { imageJobs, type Job } from "../../../src/core/jobs/job.ts";
import type { JobResult } from "../../../src/queue/job-queue.ts";
import { buildJob, heldHandler, imageName, nothing, result, scanJob } from "../jobs.ts";
import { type Contract, hour, minute } from "./contract.ts";

/** The same build's job for a further analyzer. */
function secondJob(number: number, analyzer = "rhacs"): Job {
  const first = buildJob(number);
  return { ...first, id: `${first.id}-${analyzer}`, group: first.id, analyzer };
}

export function describeAnalyzers(contract: Contract): void {
  const { clock, open, reopen, until } = contract;

  describe("several analyzers", () => {
    it("each have their own job of a build, with its own state, attempts and failure", async () => {
      const queue = await open();
      queue.work(async ({ analyzer }) => {
        if (analyzer === "rhacs") throw new JobError("AnalyzerRejected", "no");
        return result;
      });
      expect(await queue.add(buildJob(1))).toBe("added");
      expect(await queue.add(secondJob(1))).toBe("added");
      expect(await queue.add(secondJob(1))).toBe("already-known");
      await queue.idle();
      const records = await queue.ofGroups(["build-uid-1"]);
      expect(records.map(({ job, state }) => [job.id, job.analyzer, state])).toEqual([
        ["build-uid-1", "thoth", "done"],
        ["build-uid-1-rhacs", "rhacs", "failed"],
      ]);
      expect((await queue.recent(5, { analyzer: "rhacs" })).map(({ job }) => job.id)).toEqual(["build-uid-1-rhacs"]);
      expect((await queue.tally()).toSorted((a, b) => a.analyzer.localeCompare(b.analyzer))).toEqual([
        { analyzer: "rhacs", outcome: "failed", jobs: 1 },
        { analyzer: "thoth", outcome: "submitted", jobs: 1 },
      ]);
    });

    it("know what is known each for itself, whichever of them comes first", async () => {
      let queue = await open();
      queue.work(async () => nothing);
      await queue.add(buildJob(1));
      await queue.idle();
      queue = await reopen(queue);
      const nowFirst = { ...buildJob(1), analyzer: "rhacs" };
      const nowSecond = { ...secondJob(1, "thoth") };
      expect(await queue.add(nowFirst)).toBe("added");
      expect(await queue.add(nowSecond)).toBe("already-known");
      expect((await queue.known(nowFirst))?.job).toMatchObject({
        id: "build-uid-1-rhacs",
        group: "build-uid-1",
        analyzer: "rhacs",
      });
      expect((await queue.known(nowSecond))?.job.id).toBe("build-uid-1");
      expect(await queue.add(nowFirst)).toBe("already-known");
    });

    it("know images alone by the builds that cover them, each for itself", async () => {
      const queue = await open();
      await queue.add(buildJob(1));
      const image = parseImageReference(imageName(1));
      const answers = await Promise.all(
        imageJobs(image, "scan", [{ name: "thoth" }, { name: "rhacs" }]).map((job) => queue.add(job)),
      );
      expect(answers).toEqual(["already-known", "added"]);
    });

    it("do not wait for one another's endpoint, and go on when theirs is back", async () => {
      const queue = await open({ workers: 1 });
      let asked = 0;
      let isBack = false;
      queue.work(async ({ analyzer }) => {
        if (analyzer === "thoth" || isBack) return nothing;
        asked += 1;
        throw new JobError("AnalyzerUnavailable", "connect ECONNREFUSED");
      });
      for (let number = 0; number < 40; number += 1) {
        await queue.add(secondJob(number));
        await queue.add(buildJob(number));
      }
      await clock.advance(2 * minute);
      expect(await queue.counts()).toMatchObject({ done: 40, waiting: 40, failed: 0 });
      // All of the others' jobs were done, and hardly a place went to those that could not be.
      expect(asked).toBeLessThan(40);
      isBack = true;
      await until(async () => (await queue.counts()).done === 80);
      expect(await queue.tally()).toContainEqual({ analyzer: "rhacs", outcome: "done", jobs: 40 });
    });

    it("do not take one another's places, even where every request of one hangs", async () => {
      const queue = await open({ workers: 1, jobTimeout: hour });
      const handler = heldHandler();
      queue.work((job, signal) => (job.analyzer === "rhacs" ? handler.handle(job, signal) : Promise.resolve(nothing)));
      for (let number = 0; number < 5; number += 1) await queue.add(secondJob(number));
      await contract.settle();
      for (let number = 0; number < 5; number += 1) await queue.add(buildJob(number));
      await until(async () => (await queue.counts()).done === 5);
      expect(handler.open()).toHaveLength(1);
      expect(await queue.firstDue("thoth")).toBeUndefined();
      expect(await queue.firstDue("rhacs")).toBeLessThanOrEqual(clock.now());
    });
  });

  describe("what became of a job", () => {
    const analysed = (...states: readonly (undefined | "running" | "succeeded" | "failed")[]): JobResult => ({
      ...nothing,
      analyses: states.map((state, index) => ({ of: "output", id: `a-${index}`, cached: false, ...(state && { state }) })),
    });

    it("is counted and listed by outcome, as its analyses go on", async () => {
      const queue = await open();
      queue.work(async ({ id }) => (id === "build-uid-9" ? nothing : analysed(undefined)));
      for (const number of [1, 2, 3, 4, 9]) await queue.add(buildJob(number));
      await queue.idle();
      await queue.amend("build-uid-2", () => analysed("succeeded", "running"));
      await queue.amend("build-uid-3", () => analysed("succeeded", "failed"));
      await queue.amend("build-uid-4", () => analysed("succeeded", undefined));
      const outcomes = { submitted: 1, analysing: 2, "analysis-failed": 3, analysed: 4, done: 9 } as const;
      expect(await queue.tally()).toHaveLength(5);
      for (const [outcome, number] of Object.entries(outcomes) as [keyof typeof outcomes, number][]) {
        expect((await queue.recent(5, { outcome })).map(({ job }) => job.id)).toEqual([`build-uid-${number}`]);
        expect(await queue.tally()).toContainEqual({ analyzer: "thoth", outcome, jobs: 1 });
      }
      expect((await queue.counts()).done).toBe(5);
      await queue.amend("build-uid-2", () => analysed("succeeded", "succeeded"));
      expect(await queue.tally()).toContainEqual({ analyzer: "thoth", outcome: "analysed", jobs: 2 });
    });

    it("is submitted again when its analysis failed and it is retried", async () => {
      const queue = await open();
      let submissions = 0;
      queue.work(async () => {
        submissions += 1;
        return analysed(undefined);
      });
      await queue.add(buildJob(1));
      await queue.idle();
      await queue.amend("build-uid-1", () => analysed("failed"));
      expect(await queue.retry("build-uid-1")).toBe(true);
      await queue.idle();
      expect(submissions).toBe(2);
      expect(await queue.tally()).toEqual([{ analyzer: "thoth", outcome: "submitted", jobs: 1 }]);
    });
  });

  describe("what is known already", () => {
    it("is taken again when it failed and whoever names it wants that", async () => {
      const queue = await open();
      let fails = true;
      queue.work(async () => {
        if (fails) throw new JobError("RegistryDenied", "denied");
        return nothing;
      });
      await queue.add(buildJob(1));
      await queue.add(scanJob(2));
      await queue.idle();
      fails = false;
      expect(await queue.add(buildJob(1))).toBe("already-known");
      expect((await queue.counts()).failed).toBe(2);
      expect(await queue.add(scanJob(2), { again: "failed" })).toBe("added");
      // The build's job covers the image.
      expect(await queue.add(scanJob(1), { again: "failed" })).toBe("added");
      await queue.idle();
      expect(await queue.counts()).toMatchObject({ done: 2, failed: 0 });
      expect(await queue.add(scanJob(1), { again: "failed" })).toBe("already-known");
      await queue.dismiss("build-uid-1");
    });

    it("is left alone when somebody dismissed it, unless it is always wanted", async () => {
      const queue = await open();
      await queue.add(scanJob(1));
      await queue.dismiss(scanJob(1).id);
      expect(await queue.add(scanJob(1), { again: "failed" })).toBe("already-known");
      expect(await queue.add(scanJob(1), { again: "always" })).toBe("added");
      expect((await queue.counts()).waiting).toBe(1);
    });

    it("runs once more afterwards when it is wanted while it runs", async () => {
      const queue = await open();
      const handler = heldHandler();
      queue.work(handler.handle);
      await queue.add(scanJob(1));
      await contract.settle();
      expect(await queue.add(scanJob(1), { again: "failed" })).toBe("already-known");
      expect(await queue.add(scanJob(1), { again: "always" })).toBe("added");
      expect(await queue.add(scanJob(1), { again: "always" })).toBe("added");
      handler.runs[0]?.finish();
      await contract.settle();
      expect(handler.runs).toHaveLength(2);
      handler.runs[1]?.finish();
      await queue.idle();
      expect(handler.runs).toHaveLength(2);
      expect((await queue.counts()).done).toBe(1);
    });
  });
}
