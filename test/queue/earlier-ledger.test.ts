import { cpSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { imageJobs } from "../../src/core/jobs/job.ts";
import type { FollowResult, FollowWork } from "../../src/pipeline/analyses/follow-analyses.ts";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import type { JobQueue } from "../../src/queue/job-queue.ts";
import { imageName, nothing } from "./jobs.ts";

/** What version 0.1.0 left behind when it was killed while `build-uid-5` ran. */
const fixture = new URL("../fixtures/ledger-0.1.0", import.meta.url).pathname;
const settings = { workers: 4, jobTimeout: 60_000, giveUpAfter: 3_600_000 };

describe("a ledger of version 0.1.0", () => {
  let directory: string;
  let queue: JobQueue;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "build-watcher-earlier-"));
    cpSync(fixture, directory, { recursive: true });
    queue = openEmbeddedQueue({ ...settings, directory });
  });
  afterEach(async () => {
    await queue.close();
    await rm(directory, { recursive: true });
  });

  it("opens with every job in its state, as the jobs of Thoth's", async () => {
    expect(await queue.counts()).toEqual({ waiting: 2, running: 0, done: 7, failed: 1, dismissed: 1 });
    expect((await queue.tally()).toSorted((a, b) => a.outcome.localeCompare(b.outcome))).toEqual([
      { analyzer: "thoth", outcome: "analysed", jobs: 1 },
      { analyzer: "thoth", outcome: "analysing", jobs: 1 },
      { analyzer: "thoth", outcome: "analysis-failed", jobs: 1 },
      { analyzer: "thoth", outcome: "dismissed", jobs: 1 },
      { analyzer: "thoth", outcome: "failed", jobs: 1 },
      { analyzer: "thoth", outcome: "submitted", jobs: 4 },
      { analyzer: "thoth", outcome: "waiting", jobs: 2 },
    ]);
    expect(await queue.find("build-uid-1")).toMatchObject({
      job: { id: "build-uid-1", analyzer: "thoth" },
      state: "done",
      attempts: 1,
    });
    expect(await queue.find("build-uid-3")).toMatchObject({ state: "failed", error: { reason: "ImageNotFound" } });
    expect((await queue.recent(20, { namespace: "bank" })).map(({ job }) => job.id)).toEqual(["build-uid-7"]);
  });

  it("knows everything it knew, for Thoth alone", async () => {
    const { job } = (await queue.find("build-uid-1")) ?? {};
    if (!job) throw new Error("the job is gone");
    expect(await queue.add(job)).toBe("already-known");
    expect(await queue.add({ ...job, analyzer: "rhacs" })).toBe("added");
    expect((await queue.ofGroups(["build-uid-1"])).map(({ job: { id, analyzer } }) => `${id} ${analyzer}`)).toEqual([
      "build-uid-1 thoth",
      "build-uid-1-rhacs rhacs",
    ]);
    const scanned = imageJobs(parseImageReference(imageName(2)), "scan", [{ name: "thoth" }, { name: "rhacs" }]);
    expect(await Promise.all(scanned.map((one) => queue.add(one)))).toEqual(["already-known", "added"]);
  });

  it("continues with waiting jobs and with those that the crash interrupted", async () => {
    const ran: string[] = [];
    await queue.retry("build-uid-10");
    queue.work(async ({ id }) => {
      ran.push(id);
      return nothing;
    });
    await queue.idle();
    expect(ran.toSorted()).toEqual(["build-uid-10", "build-uid-5"]);
  });

  it("brings along the analyses that were followed and the notifications that were not delivered", async () => {
    const following = openEmbeddedQueue<FollowWork, FollowResult>({ ...settings, directory: join(directory, "follow") });
    const notifying = openEmbeddedQueue({ ...settings, directory: join(directory, "notify") });
    expect((await following.recent(5)).map(({ job }) => job)).toMatchObject([{ analyzer: "thoth", jobId: "build-uid-7" }]);
    expect((await notifying.recent(5)).map(({ job }) => job.id)).toEqual(["0123-hooks"]);
    expect(await notifying.tally()).toEqual([{ analyzer: "", outcome: "waiting", jobs: 1 }]);
    await Promise.all([following.close(), notifying.close()]);
  });
});
