import { describe, expect, it } from "vitest";
import { JobError } from "../../../src/core/jobs/errors.ts";
import { type JobQueue, type RecordFilter, recordsOfBuilds } from "../../../src/queue/job-queue.ts";
import { buildJob, heldHandler, imageName, nothing, result, scanJob } from "../jobs.ts";
import { type Contract, hour, minute, second } from "./contract.ts";

export function describeMending(contract: Contract): void {
  const { clock, open, reopen, until } = contract;

  describe("seeing and mending", () => {
    async function queueWithOneOfEach(): Promise<JobQueue> {
      const queue = await open({ workers: 2 });
      const handler = heldHandler();
      queue.work(async (job, signal) => {
        if (job.id === "build-uid-1") return result;
        if (job.id === "build-uid-2") throw new JobError("ImageNotFound", "gone");
        if (job.id === "build-uid-3") throw new JobError("RegistryUnavailable", "503", { retryAfter: hour });
        return handler.handle(job, signal);
      });
      for (const number of [1, 2, 3]) {
        await queue.add(buildJob(number));
        await clock.advance(1);
      }
      await queue.add(buildJob(5));
      await contract.settle();
      await clock.advance(1);
      handler.open()[0]?.fail(new JobError("AnalyzerRejected", "no"));
      await contract.settle();
      await queue.dismiss("build-uid-5");
      await queue.add(buildJob(4));
      await contract.settle();
      return queue;
    }

    it("counts the jobs in each state, also after a restart", async () => {
      const queue = await queueWithOneOfEach();
      expect(await queue.counts()).toEqual({ waiting: 1, running: 1, done: 1, failed: 1, dismissed: 1 });
      expect(await (await reopen(queue)).counts()).toEqual({ waiting: 2, running: 0, done: 1, failed: 1, dismissed: 1 });
    });

    it.each([
      ["build-uid-1", "done", true, false],
      ["build-uid-2", "failed", true, true],
      ["build-uid-3", "waiting", true, true],
      ["build-uid-4", "running", false, false],
      ["build-uid-5", "dismissed", true, false],
      ["build-unknown", undefined, false, false],
    ])("%s (%s): retry answers %s, dismiss %s", async (id, state, retried, dismissed) => {
      const queue = await queueWithOneOfEach();
      expect((await queue.find(id))?.state).toBe(state);
      expect(await queue.dismiss(id)).toBe(dismissed);
      expect((await queue.find(id))?.state).toBe(dismissed ? "dismissed" : state);
      expect(await queue.retry(id)).toBe(retried);
    });

    it("runs a retried job at once, its age counted anew", async () => {
      const queue = await open({ giveUpAfter: 10 * minute });
      let fails = true;
      queue.work(async () => {
        if (fails) throw new JobError("RegistryUnavailable", "503");
        return result;
      });
      await queue.add(buildJob(1));
      await until(async () => (await queue.counts()).failed === 1, minute);
      await queue.retry("build-uid-1");
      await contract.settle();
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "waiting", error: { reason: "RegistryUnavailable" } });
      fails = false;
      await queue.retry("build-uid-1");
      await contract.settle();
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "done", result });
    });

    it("keeps a retried job in its place: scanned ones behind live ones", async () => {
      const queue = await open({ workers: 1 });
      for (const job of [scanJob(1), buildJob(2), scanJob(3), buildJob(4)]) {
        await queue.add(job);
        await queue.retry(job.id);
        await clock.advance(1);
      }
      const ran: string[] = [];
      queue.work(async ({ cause }) => {
        ran.push(cause);
        return nothing;
      });
      await queue.idle();
      expect(ran).toEqual(["build", "build", "scan", "scan"]);
    });

    it("never runs a dismissed job, nor takes it in again", async () => {
      const queue = await open();
      await queue.add(buildJob(1));
      await queue.dismiss("build-uid-1");
      expect(await queue.add(buildJob(1))).toBe("already-known");
      let runs = 0;
      queue.work(async () => {
        runs += 1;
        return nothing;
      });
      await queue.idle();
      await clock.advance(hour);
      expect(runs).toBe(0);
    });

    it("lists what changed last first, page by page", async () => {
      const queue = await open();
      for (let number = 0; number < 25; number += 1) {
        await queue.add(buildJob(number));
        if (number % 3 === 0) await clock.advance(1);
      }
      await queue.dismiss("build-uid-7");
      const changed = new Map<string, number>();
      for (let number = 0; number < 25; number += 1) {
        const record = await queue.find(`build-uid-${number}`);
        changed.set(`build-uid-${number}`, record?.updatedAt ?? 0);
      }
      const ids: string[] = [];
      for (let before: string | undefined; ; before = ids.at(-1)) {
        const page = await queue.recent(10, before === undefined ? {} : { before });
        ids.push(...page.map(({ job }) => job.id));
        if (page.length < 10) break;
      }
      expect(ids).toHaveLength(25);
      expect(new Set(ids).size).toBe(25);
      expect(ids.slice(0, 3)).toEqual(
        ["build-uid-7", "build-uid-24", "build-uid-23"].toSorted((a, b) => (changed.get(b) ?? 0) - (changed.get(a) ?? 0)),
      );
      const times = ids.map((id) => changed.get(id) ?? 0);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      expect((await queue.recent(10, { state: "dismissed" })).map(({ job }) => job.id)).toEqual(["build-uid-7"]);
      expect((await queue.recent(5, { state: "waiting", before: "build-uid-3" })).map(({ job }) => job.id)).toEqual(
        [2, 1, 0].map((n) => `build-uid-${n}`),
      );
      expect(await queue.recent(10, { before: "unknown" })).toEqual([]);
      expect(await queue.recent(0)).toEqual([]);
    });

    it("goes on where a page ended although its last record has changed since", async () => {
      const queue = await open();
      for (const number of [1, 2, 3, 4]) {
        await queue.add(buildJob(number));
        await clock.advance(1);
      }
      const last = (await queue.recent(2)).at(-1);
      await queue.dismiss("build-uid-3");
      const rest = await queue.recent(5, { before: last?.job.id ?? "", beforeTime: last?.updatedAt ?? 0 });
      expect(rest.map(({ job }) => job.id)).toEqual(["build-uid-2", "build-uid-1"]);
    });

    it("narrows a listing to a namespace and to what is mentioned", async () => {
      const queue = await open();
      queue.work(async ({ id }) => {
        if (id === "build-uid-2") throw new JobError("ImageNotFound", '100 % gone: "manifest_unknown"');
        return nothing;
      });
      for (const number of [1, 2, 3, 21]) await queue.add(buildJob(number));
      await queue.add(scanJob(4));
      await queue.add({ ...buildJob(5), build: { namespace: "bank", name: "Ledger-1", uid: "uid-5" } });
      await queue.idle();
      const ids = async (filter: RecordFilter) => (await queue.recent(10, filter)).map(({ job }) => job.id.slice(0, 12));
      expect(await ids({ namespace: "bank" })).toEqual(["build-uid-5"]);
      expect(await ids({ namespace: "shop", state: "failed" })).toEqual(["build-uid-2"]);
      expect(await ids({ namespace: "nowhere" })).toEqual([]);
      expect((await ids({ text: "shop/app-2" })).sort()).toEqual(["build-uid-2", "build-uid-21"]);
      expect(await ids({ text: "LEDGER bank/" })).toEqual(["build-uid-5"]);
      expect(await ids({ text: "manifest_unknown 100 %" })).toEqual(["build-uid-2"]);
      expect(await ids({ text: "manifestXunknown" })).toEqual([]);
      expect(await ids({ text: imageName(3) })).toEqual(["build-uid-3"]);
      expect(await ids({ text: "reference" })).toEqual([]);
      expect(await ids({ text: "app", state: "done", namespace: "shop" })).toHaveLength(3);
      expect(await queue.recent(2, { text: "shop" })).toHaveLength(2);
    });

    it("narrows the list to a failure, a BuildConfig, a cause and a time, leaves failures out, and counts", async () => {
      const queue = await open({ workers: 4 });
      const errors: Readonly<Record<string, JobError>> = {
        "build-uid-1": new JobError("RegistryUnavailable", "503", { host: "quay.example", retryAfter: hour }),
        "build-uid-2": new JobError("RegistryUnavailable", "503", { host: "other.example", retryAfter: hour }),
        "build-uid-3": new JobError("TimedOut", "slow", { retryAfter: hour }),
      };
      queue.work(async ({ id }) => {
        if (errors[id]) throw errors[id];
        return nothing;
      });
      for (const number of [1, 2, 3]) await queue.add({ ...buildJob(number), buildConfig: `shop/app-${number}` });
      await contract.settle();
      await clock.advance(minute);
      await queue.add(scanJob(4));
      await contract.settle();
      const ids = async (filter: RecordFilter) => {
        expect(await queue.count(10, filter)).toBe((await queue.recent(10, filter)).length);
        return (await queue.recent(10, filter)).map(({ job }) => job.id.slice(0, 11));
      };
      expect(await ids({ reason: "RegistryUnavailable" })).toHaveLength(2);
      expect(await ids({ reason: "RegistryUnavailable", host: "quay.example" })).toEqual(["build-uid-1"]);
      expect(await ids({ buildConfig: "shop/app-2", state: "waiting" })).toEqual(["build-uid-2"]);
      expect(await ids({ cause: "scan" })).toEqual([scanJob(4).id.slice(0, 11)]);
      expect(await ids({ cause: "build" })).toHaveLength(3);
      expect(await ids({ changedSince: clock.now() })).toHaveLength(1);
      expect(
        await ids({ without: [{ reason: "RegistryUnavailable", host: "quay.example" }, { reason: "TimedOut" }] }),
      ).toHaveLength(2);
      expect(await ids({ text: "other.example" })).toEqual([]);
      expect(await ids({ text: "503" })).toHaveLength(2);
      expect(await queue.count(3)).toBe(3);
      expect(await queue.count(2, { text: "shop" })).toBe(2);
    });

    it("finds the jobs that made an image and those that stand on it", async () => {
      const queue = await open();
      queue.work(async ({ id }) => (id === "build-uid-3" ? { ...nothing, base: imageName(1) } : nothing));
      const { output: base } = buildJob(1);
      await queue.add(buildJob(1));
      await queue.add({ ...buildJob(2), ...(base && { base }) });
      await queue.add(buildJob(3));
      await queue.idle();
      const digest = `sha256:${"1".padStart(64, "0")}` as const;
      expect((await queue.withImage(digest, "output", 10)).map(({ job }) => job.id)).toEqual(["build-uid-1"]);
      expect((await queue.withImage(digest, "base", 10)).map(({ job }) => job.id)).toEqual(["build-uid-3", "build-uid-2"]);
      expect(await queue.withImage(digest, "base", 1)).toHaveLength(1);
      expect((await queue.withImage(digest, "base", 1, "build-uid-3")).map(({ job }) => job.id)).toEqual(["build-uid-2"]);
      expect(await queue.withImage(`sha256:${"f".repeat(64)}`, "output", 10)).toEqual([]);
    });

    it("finds the jobs of builds that took files from an image", async () => {
      const queue = await open();
      queue.work(async () => nothing);
      const [one, other] = [buildJob(1).output, buildJob(2).output];
      if (!one || !other) throw new Error("The jobs have no images");
      await queue.add({ ...buildJob(3), inputs: [one, { kind: "stream-tag", namespace: "shop", stream: "a", tag: "1" }, one] });
      await queue.add({ ...buildJob(4), inputs: [other, one] });
      await queue.idle();
      const taking = async (number: number) =>
        (await queue.withImage(`sha256:${String(number).padStart(64, "0")}`, "input", 10)).map(({ job }) => job.id);
      expect(await taking(1)).toEqual(["build-uid-4", "build-uid-3"]);
      expect(await taking(2)).toEqual(["build-uid-4"]);
      expect(await taking(3)).toEqual([]);
    });

    it("knows the last job of every BuildConfig", async () => {
      const queue = await open();
      for (const [number, buildConfig] of [
        [1, "shop/web"],
        [2, "bank/api"],
        [3, "shop/web"],
      ] as const) {
        await queue.add({ ...buildJob(number), buildConfig });
      }
      await queue.add(buildJob(4));
      expect((await queue.lastOfBuildConfigs()).map(({ job }) => job.id)).toEqual(["build-uid-2", "build-uid-3"]);
    });

    it("tells what builds are made from apart by its kind, and knows all jobs of a build that made several images", async () => {
      const queue = await open();
      const owners = ["shop/web", "Build:shop/web", "Pipeline:shop/web", "Task:shop/web"];
      for (const [index, buildConfig] of owners.entries()) await queue.add({ ...buildJob(index), buildConfig });
      const run = { ...buildJob(9), buildConfig: "Pipeline:shop/web" };
      for (const image of ["a", "b"])
        for (const analyzer of ["thoth", "rhacs"]) {
          const group = `build-uid-9-${image}`;
          await queue.add({ ...run, analyzer, ...(analyzer === "thoth" ? { id: group } : { id: `${group}-rhacs`, group }) });
        }
      const last = await queue.lastOfBuildConfigs();
      expect(last.map(({ job }) => job.buildConfig)).toEqual(owners.toSorted());
      expect((await queue.recent(10, { buildConfig: "Build:shop/web" })).map(({ job }) => job.id)).toEqual(["build-uid-1"]);
      expect((await recordsOfBuilds(queue, last)).map((those) => those.map(({ job }) => job.id).toSorted())).toEqual([
        ["build-uid-1"],
        ["build-uid-9-a", "build-uid-9-a-rhacs", "build-uid-9-b", "build-uid-9-b-rhacs"],
        ["build-uid-3"],
        ["build-uid-0"],
      ]);
      const [second] = await queue.lastOfBuildConfigs(1, owners[1]);
      expect(second?.job.buildConfig).toBe("Pipeline:shop/web");
    });

    it("knows how long the oldest job has waited, however often it was tried", async () => {
      const queue = await open();
      expect(await queue.oldestWaiting()).toBeUndefined();
      const added = clock.now();
      await queue.add(buildJob(1));
      await clock.advance(minute);
      await queue.add(buildJob(2));
      await queue.retry("build-uid-1");
      expect(await queue.oldestWaiting()).toBe(added);
      await queue.dismiss("build-uid-1");
      expect(await queue.oldestWaiting()).toBe(added + minute);
    });

    it("forgets what ended long ago and was not seen since, and nothing else", async () => {
      const queue = await queueWithOneOfEach();
      const everything = { endedBefore: clock.now() + 1, seenBefore: clock.now() + 1 };
      expect(await queue.forget({ ...everything, endedBefore: 0 })).toBe(0);
      expect(await queue.forget({ ...everything, seenBefore: 0 })).toBe(0);
      await clock.advance(minute);
      expect(await queue.add(buildJob(1))).toBe("already-known");
      expect(await queue.forget(everything)).toBe(1);
      expect(await queue.counts()).toEqual({ waiting: 1, running: 1, done: 1, failed: 1, dismissed: 0 });
      expect(await queue.find("build-uid-5")).toBeUndefined();
      expect(await queue.forget({ ...everything, seenBefore: clock.now() + 1 })).toBe(1);
      expect(await queue.add(buildJob(1))).toBe("added");
    });

    it("forgets failed jobs, too, when asked to", async () => {
      const queue = await queueWithOneOfEach();
      await clock.advance(minute);
      const everything = { endedBefore: clock.now() + 1, seenBefore: clock.now() + 1 };
      expect(await queue.forget({ ...everything, failed: true })).toBe(3);
      expect(await queue.counts()).toEqual({ waiting: 1, running: 1, done: 0, failed: 0, dismissed: 0 });
    });

    it("counts the job that covers an image as seen when the image is", async () => {
      const queue = await open();
      queue.work(async () => nothing);
      await queue.add(buildJob(1));
      await queue.idle();
      await clock.advance(hour);
      const limits = { endedBefore: clock.now(), seenBefore: clock.now() };
      await queue.add(scanJob(1));
      expect(await queue.forget(limits)).toBe(0);
    });

    it("forgets thousands", async () => {
      const queue = await open({ workers: 50 });
      queue.work(async () => nothing);
      await Promise.all(Array.from({ length: 1_234 }, (_, number) => queue.add(buildJob(number))));
      await queue.idle();
      expect(await queue.forget({ endedBefore: clock.now() + 1, seenBefore: clock.now() + 1 })).toBe(1_234);
      expect(await queue.recent(10)).toEqual([]);
    });

    it("is idle when nothing waits or runs, and not before all is recorded and reported", async () => {
      const queue = await open();
      await queue.idle();
      const handler = heldHandler();
      let reported = 0;
      let idle = false;
      queue.work(handler.handle, () => {
        reported += 1;
      });
      void queue.add(buildJob(1));
      const waited = queue.idle().then(() => {
        idle = true;
        expect(reported).toBe(2);
      });
      await contract.settle();
      expect(idle).toBe(false);
      handler.runs[0]?.fail(new JobError("RegistryUnavailable", "503"));
      await contract.settle();
      expect(idle).toBe(false);
      await until(() => handler.runs.length === 2);
      handler.runs[1]?.finish();
      await waited;
    });

    it("notices within two seconds what is changed beside it", async () => {
      const queue = await open();
      const beside = await contract.storage().openBeside();
      const ran: string[] = [];
      queue.work(async (job) => {
        ran.push(job.id);
        if (ran.length <= 2) throw new JobError("ImageNotFound", "gone");
        return nothing;
      });
      await Promise.all([queue.add(buildJob(1)), queue.add(buildJob(2))]);
      await contract.settle();
      expect((await beside.counts()).failed).toBe(2);
      expect(await beside.recent(5, { state: "failed" })).toHaveLength(2);
      expect(await beside.retry("build-uid-1")).toBe(true);
      expect(await beside.dismiss("build-uid-2")).toBe(true);
      await clock.advance(2 * second);
      expect((await queue.find("build-uid-1"))?.state).toBe("done");
      expect((await queue.find("build-uid-2"))?.state).toBe("dismissed");
      await queue.idle();
    });

    it("cannot be set to work beside a working one", async () => {
      const queue = await open();
      queue.work(async () => nothing);
      const beside = await contract.storage().openBeside();
      expect(() => beside.work(async () => nothing)).toThrow(/beside/);
    });
  });
}
