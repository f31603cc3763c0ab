import { beforeEach, describe, expect, it } from "vitest";
import type { AnalysisStatus } from "../../../src/analyzers/analyzer.ts";
import { JobError } from "../../../src/core/jobs/errors.ts";
import {
  analysesToFollow,
  createFollowHandler,
  type FollowResult,
  type FollowWork,
} from "../../../src/pipeline/analyses/follow-analyses.ts";
import { keepFollowing, takeUp } from "../../../src/pipeline/analyses/keep-following.ts";
import { leaveUnfollowed } from "../../../src/pipeline/analyses/leave-unfollowed.ts";
import type { JobAnalysis, JobQueue, JobRecord } from "../../../src/queue/job-queue.ts";
import { embeddedStorage } from "../../queue/embedded-storage.ts";
import { buildJob, nothing } from "../../queue/jobs.ts";
import { settle } from "../../support/fake-clock.ts";

const hour = 3_600_000;
const never = new AbortController().signal;
const workers = { workers: 1, jobTimeout: hour, giveUpAfter: 48 * hour };

const storages: ReturnType<typeof embeddedStorage>[] = [];
let clock: ReturnType<typeof embeddedStorage>["clock"];
let jobs: JobQueue;

/** Opens a queue; it is closed when the test ends. */
async function openQueue(clockOf?: typeof clock): Promise<JobQueue> {
  const storage = embeddedStorage(clockOf ? { clock: clockOf } : {});
  storages.push(storage);
  clock ??= storage.clock;
  return storage.open(workers);
}

async function doneJob(number: number, ...analyses: JobAnalysis[]): Promise<string> {
  results.set(`build-uid-${number}`, { analyses, notes: [], submittedAt: clock.now() });
  await jobs.add(buildJob(number));
  await settle();
  return `build-uid-${number}`;
}

const results = new Map<string, NonNullable<JobRecord["result"]>>();
const output = (id: string): JobAnalysis => ({ of: "output", id, cached: false });

beforeEach(async () => {
  clock = undefined as never;
  jobs = await openQueue();
  jobs.work(async ({ id }) => results.get(id) ?? nothing);
  return async () => void (await Promise.all(storages.splice(0).map((storage) => storage.dispose())));
});

/** Asks once for the analysis `a`, which goes as told. */
function follow(told: AnalysisStatus | undefined | (() => never), work: Partial<FollowWork> = {}): Promise<FollowResult> {
  const ask = async () => (typeof told === "function" ? told() : told);
  const handle = createFollowHandler({ jobs, ask, followFor: 24 * hour, clock });
  return handle({ id: "follow-a", analyzer: "thoth", jobId: "build-uid-1", analysisId: "a", ...work }, never);
}

/** How many jobs there are of each outcome. */
const outcomes = async () => Object.fromEntries((await jobs.tally()).map(({ outcome, jobs: many }) => [outcome, many]));

describe("asking after an analysis", () => {
  it("records that it runs, and asks again", async () => {
    await doneJob(1, output("a"), output("b"));
    await expect(follow({ state: "running" })).rejects.toMatchObject({
      reason: "AnalysisPending",
      retryable: true,
      pauses: false,
    });
    expect((await jobs.find("build-uid-1"))?.result?.analyses).toEqual([{ ...output("a"), state: "running" }, output("b")]);
  });

  it("records how and when it ended, and the link", async () => {
    await doneJob(1, output("a"));
    const told = { state: "succeeded", endedAt: 77, link: "https://search.example.com" } as const;
    expect(await follow(told)).toEqual({ state: "succeeded", endedAt: 77 });
    const { result } = (await jobs.find("build-uid-1")) ?? {};
    expect(result).toMatchObject({ analyses: [{ id: "a", state: "succeeded", endedAt: 77 }], notes: [], link: told.link });
  });

  it("notes why it failed", async () => {
    await doneJob(1, output("a"));
    expect(await follow({ state: "failed", reason: "OOMKilled" })).toEqual({ state: "failed", endedAt: clock.now() });
    expect((await jobs.find("build-uid-1"))?.result?.notes).toEqual(["The analysis a failed: OOMKilled."]);
  });

  it("gives up in the end, says so once, and no longer says that it runs", async () => {
    await doneJob(1, output("a"));
    await expect(follow({ state: "running" })).rejects.toMatchObject({ reason: "AnalysisPending" });
    expect(await outcomes()).toEqual({ analysing: 1 });
    clock.set(clock.now() + 24 * hour);
    for (const _ of [1, 2]) expect(await follow({ state: "running" })).toEqual({});
    const { analyses, notes } = (await jobs.find("build-uid-1"))?.result ?? nothing;
    expect(analyses).toEqual([output("a")]);
    expect(await outcomes()).toEqual({ submitted: 1 });
    expect(notes).toEqual([expect.stringContaining("BUILD_WATCHER_FOLLOW_FOR")]);
  });

  it("gives up if no analyzer can say any more", async () => {
    await doneJob(1, output("a"));
    await expect(follow({ state: "running" })).rejects.toMatchObject({ reason: "AnalysisPending" });
    expect(await follow(undefined)).toEqual({});
    expect(await outcomes()).toEqual({ submitted: 1 });
    expect((await jobs.find("build-uid-1"))?.result?.notes).toEqual([expect.stringContaining("no longer followed")]);
  });

  it("does not change the record of a build log that the service does not know", async () => {
    await doneJob(1, { ...output("a"), of: "build-log" });
    await clock.advance(hour);
    expect(await follow({ state: "unknown" })).toEqual({});
    expect((await jobs.find("build-uid-1"))?.result?.analyses).toEqual([{ ...output("a"), of: "build-log" }]);
  });

  it("is not done for an analysis that ended before, or a job that was forgotten or submitted again", async () => {
    await doneJob(1, { ...output("a"), state: "failed", endedAt: 5 });
    const unasked = () => expect.unreachable("it was asked");
    expect(await follow(unasked)).toEqual({ state: "failed", endedAt: 5 });
    expect(await follow(unasked, { analysisId: "older" })).toEqual({});
    expect(await follow(unasked, { jobId: "build-unknown" })).toEqual({});
  });

  it("leaves the record as it is when the endpoint fails", async () => {
    await doneJob(1, output("a"));
    const down = follow(() => {
      throw new JobError("AnalyzerUnavailable", "503");
    });
    await expect(down).rejects.toMatchObject({ reason: "AnalyzerUnavailable" });
    expect((await jobs.find("build-uid-1"))?.result?.analyses).toEqual([output("a")]);
  });
});

describe("an analysis that is no longer followed", () => {
  const running = (id: string): JobAnalysis => ({ ...output(id), state: "running" });

  it("is no longer shown as running, however many there are; one that is followed is", async () => {
    const following = (await openQueue(clock)) as unknown as JobQueue<FollowWork, FollowResult>;
    const numbers = Array.from({ length: 250 }, (_, number) => number);
    await Promise.all(numbers.map((number) => doneJob(number, running(`a-${number}`), output(`b-${number}`))));
    await jobs.idle();
    await following.add({ id: "follow-a-7-build-uid-7", analyzer: "thoth", jobId: "build-uid-7", analysisId: "a-7" });
    await clock.advance(1_000);
    await doneJob(999, running("young"));
    await leaveUnfollowed({ jobs, follow: following, isFollowed: () => true }, clock.now());
    expect(await outcomes()).toEqual({ analysing: 2, submitted: 249 });
    expect((await jobs.find("build-uid-8"))?.result).toMatchObject({
      analyses: [output("a-8"), output("b-8")],
      notes: [expect.stringContaining("The analysis a-8 had not ended")],
    });
  });

  it("can be any, if following is switched off, and is followed again when it is switched on", async () => {
    await doneJob(1, running("a"));
    await leaveUnfollowed({ jobs, isFollowed: () => false }, clock.now());
    expect(await outcomes()).toEqual({ submitted: 1 });
    await expect(follow({ state: "running" })).rejects.toMatchObject({ reason: "AnalysisPending" });
    expect(await outcomes()).toEqual({ analysing: 1 });
    expect((await jobs.find("build-uid-1"))?.result?.notes).toEqual([]);
  });
});

describe("the analyses to follow", () => {
  it("are those of done jobs that have not ended, also cached ones, each with its own id", async () => {
    const states = (["running", "succeeded", "failed"] as const).map((state) => ({ ...output(state), state }));
    await doneJob(1, output("a"), { ...output("b"), cached: true }, ...states);
    await doneJob(2, output("a"));
    const ids = (await jobs.recent(9)).flatMap(analysesToFollow).map(({ id }) => id);
    expect(ids.toSorted()).toEqual(
      ["a-build-uid-1", "a-build-uid-2", "b-build-uid-1", "running-build-uid-1"].map((id) => `follow-${id}`),
    );
  });

  it("are found after the bot was killed, however many records there are, and forgotten if they ended long ago", async () => {
    const following = (await openQueue(clock)) as unknown as JobQueue<FollowWork, FollowResult>;
    await doneJob(9_999, output("old"));
    clock.set(clock.now() + 25 * hour);
    await Promise.all(Array.from({ length: 450 }, (_, number) => doneJob(number, output(`a-${number}`))));
    await jobs.idle();
    const stop = new AbortController();
    const keeping = keepFollowing({ jobs, follow: following, followFor: 24 * hour, clock, isFollowed: () => true }, stop.signal);
    while ((await following.counts()).waiting < 450) await settle();
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return { state: "succeeded" } as const;
    };
    following.work(createFollowHandler({ jobs, ask, followFor: 24 * hour, clock }));
    await following.idle();
    await clock.advance(hour);
    expect(asked, "nothing is asked twice").toBe(450);
    stop.abort();
    await keeping;
    expect(await following.find("follow-old-build-uid-9999")).toBeUndefined();
    expect((await following.counts()).done).toBe(450);
  });

  it("are followed again when their job is submitted again with the same analysis", async () => {
    const following = (await openQueue(clock)) as unknown as JobQueue<FollowWork, FollowResult>;
    const work = { id: "follow-a-build-uid-1", analyzer: "thoth", jobId: "build-uid-1", analysisId: "a" };
    let asked = 0;
    following.work(async () => {
      asked += 1;
      return {};
    });
    await takeUp(following, work);
    await following.idle();
    await takeUp(following, work);
    await following.idle();
    expect(asked).toBe(2);
  });
});
