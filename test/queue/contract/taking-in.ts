import { describe, expect, it } from "vitest";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import { imageJob } from "../../../src/core/jobs/job.ts";
import { buildJob, imageName, result, scanJob } from "../jobs.ts";
import type { Contract } from "./contract.ts";

export function describeTakingIn(contract: Contract): void {
  const { clock, open, reopen, until } = contract;

  describe("taking jobs in", () => {
    it("takes a job once", async () => {
      const queue = await open();
      expect(await queue.add(buildJob(1))).toBe("added");
      expect(await queue.add(buildJob(1))).toBe("already-known");
      expect(await queue.counts()).toEqual({ waiting: 1, running: 0, done: 0, failed: 0, dismissed: 0 });
      expect(await queue.find("build-uid-1")).toEqual({
        job: buildJob(1),
        state: "waiting",
        attempts: 0,
        createdAt: clock.now(),
        updatedAt: clock.now(),
        dueAt: clock.now(),
      });
    });

    it("tries a job that is to wait only after that, over a restart as well", async () => {
      let queue = await open();
      await queue.add(buildJob(1), { after: 10_000 });
      queue = await reopen(queue);
      expect((await queue.find("build-uid-1"))?.dueAt).toBe(clock.now() + 10_000);
      const ran: string[] = [];
      queue.work(async ({ id }) => {
        ran.push(id);
        return result;
      });
      await queue.add(buildJob(2));
      await until(() => ran.length === 1);
      expect(ran).toEqual(["build-uid-2"]);
      await clock.advance(10_000);
      await until(() => ran.length === 2);
    });

    it("takes a job once that is added many times at once", async () => {
      const queue = await open();
      const answers = await Promise.all(Array.from({ length: 20 }, () => queue.add(buildJob(1))));
      expect(answers.filter((answer) => answer === "added")).toHaveLength(1);
    });

    it("keeps what it took over a restart and over a crash", async () => {
      let queue = await open();
      await queue.add(buildJob(1));
      queue = await reopen(queue);
      await queue.add(buildJob(2));
      await contract.storage().crash(queue);
      queue = await open();
      expect((await queue.counts()).waiting).toBe(2);
      expect(await queue.add(buildJob(1))).toBe("already-known");
    });

    it("refuses only the job that cannot be stored", async () => {
      const queue = await open();
      const circular: { self?: unknown } = {};
      circular.self = circular;
      const answers = await Promise.allSettled([
        queue.add(buildJob(1)),
        queue.add({ ...buildJob(2), origin: circular as unknown as string }),
        queue.add(buildJob(3)),
      ]);
      expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect((await queue.counts()).waiting).toBe(2);
    });

    it.each([
      ["an image that a build covers", imageJob(parseImageReference(imageName(1)), "scan", "thoth"), "already-known"],
      [
        "a pinned image with another tag beside its digest",
        imageJob(parseImageReference(imageName(1).replace("@", ":v2@")), "scan", "thoth"),
        "already-known",
      ],
      [
        "another digest of the same repository",
        imageJob(parseImageReference(imageName(1).replace(/1$/, "2")), "scan", "thoth"),
        "added",
      ],
      [
        "the same digest in another repository",
        imageJob(parseImageReference(imageName(1).replace("app-1", "app-2")), "scan", "thoth"),
        "added",
      ],
      ["a tag", imageJob(parseImageReference("registry.example:5000/shop/app-1:latest"), "scan", "thoth"), "added"],
      ["another build of the same image", { ...buildJob(1), id: "build-other" }, "added"],
    ] as const)("knows what was covered by an earlier job: %s", async (_name, job, answer) => {
      const queue = await open();
      await queue.add(buildJob(1));
      expect(await queue.add(job)).toBe(answer);
    });

    it("knows an image alone that an earlier job turned out to be about", async () => {
      const queue = await open();
      await queue.add({
        id: "build-a",
        analyzer: "thoth",
        cause: "build",
        output: { kind: "stream-tag", namespace: "shop", stream: "app", tag: "latest" },
      });
      queue.work(async () => ({ ...result, source: imageName(7), output: "mirror.example.com/copy:1" }));
      await until(async () => (await queue.counts()).done === 1);
      expect(await queue.add(scanJob(7))).toBe("already-known");
      expect(await queue.add(scanJob(8))).toBe("added");
    });
  });
}
