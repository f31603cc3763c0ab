import { beforeEach, describe, expect, it } from "vitest";
import { JobError } from "../../../src/core/jobs/errors.ts";
import type { Delivery } from "../../../src/notifications/notifier.ts";
import type { FollowResult, FollowWork } from "../../../src/pipeline/analyses/follow-analyses.ts";
import { eventOfAnalysis, eventOfJob } from "../../../src/pipeline/telling/job-events.ts";
import { createDeliveryReports, type NotifyWork, tellSince } from "../../../src/pipeline/telling/notify.ts";
import type { JobQueue, JobRecord } from "../../../src/queue/job-queue.ts";
import { type EmbeddedStorage, embeddedStorage } from "../../queue/embedded-storage.ts";
import { buildJob, result, scanJob } from "../../queue/jobs.ts";
import type { FakeClock } from "../../support/fake-clock.ts";
import { captureLog } from "../../support/log.ts";

const hour = 3_600_000;
const base = { attempts: 2, createdAt: 0, updatedAt: 1_000 };
const done: JobRecord = { ...base, job: buildJob(1), state: "done", result: { ...result, submittedAt: 900 } };
const failed: JobRecord = { ...base, job: scanJob(2), state: "failed", error: { reason: "ImageNotFound", message: "gone" } };

describe("a notification", () => {
  it("of a submitted job says what was submitted, and which analyses began", () => {
    expect(eventOfJob(done)).toEqual({
      specversion: "1.0",
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      source: "/namespaces/shop/builds/app-1",
      type: "io.build_watcher.job.submitted.v1",
      time: "1970-01-01T00:00:00.900Z",
      subject: result.output,
      datacontenttype: "application/json",
      data: {
        job: { id: "build-uid-1", group: "build-uid-1", analyzer: "thoth", cause: "build", attempts: 2 },
        build: { namespace: "shop", name: "app-1", uid: "uid-1" },
        image: result.output,
        analyses: [{ of: "output", id: "analysis-1", cached: false }],
        notes: [],
      },
    });
  });

  it("of a failed job says why, and what to do", () => {
    expect(eventOfJob(failed)).toMatchObject({
      type: "io.build_watcher.job.failed.v1",
      source: `/jobs/${failed.job.id}`,
      data: { error: { reason: "ImageNotFound", message: "gone", remedy: expect.stringContaining("build it again") } },
    });
  });

  it("of a failed job names its image: its build may have made several", () => {
    const output = { kind: "reference", reference: { registry: "quay.io", repository: "shop/app", tag: "1" } } as const;
    const job = { ...buildJob(1), output, place: { at: 2, of: 3 } };
    expect(eventOfJob({ ...failed, job })).toMatchObject({
      subject: "shop/app-1#2:app:1",
      data: { image: "quay.io/shop/app:1" },
    });
  });

  it("of an analysis says how it ended", () => {
    const work = { id: "follow", analyzer: "thoth", jobId: "build-uid-1", analysisId: "analysis-1" };
    const record = { ...done, result: { ...result, notes: ["The analysis analysis-1 failed: OOM.", "Not pinned."] } };
    expect(eventOfAnalysis(work, { state: "failed", endedAt: 5_000 }, record)).toMatchObject({
      type: "io.build_watcher.analysis.finished.v1",
      time: "1970-01-01T00:00:05.000Z",
      data: {
        analysis: { of: "output", id: "analysis-1", state: "failed", endedAt: "1970-01-01T00:00:05.000Z" },
        notes: ["The analysis analysis-1 failed: OOM."],
      },
    });
    expect(eventOfAnalysis(work, {}, record)).toBeUndefined();
    expect(eventOfAnalysis({ ...work, analysisId: "older" }, { state: "failed" }, record)).toBeUndefined();
  });

  it("is not sent if nothing was submitted, or while a job waits", () => {
    expect(eventOfJob({ ...done, result: { ...result, analyses: [] } })).toBeUndefined();
    expect(eventOfJob({ ...failed, state: "waiting" })).toBeUndefined();
    expect(eventOfJob({ ...failed, state: "dismissed" })).toBeUndefined();
  });

  it("keeps its id when it is sent again, and gets a new one when the same happens again", () => {
    expect(eventOfJob(failed)?.id).toBe(eventOfJob({ ...failed })?.id);
    const ids = [done, failed, { ...failed, updatedAt: 2_000 }].map((record) => eventOfJob(record)?.id);
    expect(new Set(ids).size).toBe(3);
  });

  it("stays below 20 kB for any record", () => {
    const long = "€".repeat(10_000);
    const job = { ...buildJob(1), origin: long, trigger: long, commit: long };
    const notes = Array.from({ length: 100 }, () => long);
    const analyses = (["output", "base", "build-log"] as const).map((of) => ({ of, id: "x".repeat(100), cached: true }));
    const error = { reason: "Unexpected", message: long.slice(0, 2_001) } as const;
    for (const state of ["done", "failed"] as const) {
      const event = eventOfJob({ ...base, job, state, error, result: { ...result, analyses, notes, link: long } });
      expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(20_000);
    }
  });
});

describe("the outbox", () => {
  let storages: EmbeddedStorage[];
  let clock: FakeClock;
  let jobs: JobQueue;
  let notify: JobQueue<NotifyWork, Delivery>;
  let followed: JobQueue<FollowWork, FollowResult>;

  beforeEach(async () => {
    const first = embeddedStorage();
    clock = first.clock;
    storages = [first, embeddedStorage({ clock }), embeddedStorage({ clock })];
    const opened = storages.map((storage) => storage.open({ workers: 1, jobTimeout: hour, giveUpAfter: hour }));
    const [a, b, c] = await Promise.all(opened);
    jobs = a as JobQueue;
    notify = b as unknown as typeof notify;
    followed = c as unknown as typeof followed;
    return async () => void (await Promise.all(storages.map((storage) => storage.dispose())));
  });

  const tell = (since: number) => tellSince({ jobs, followed, notify, receivers: ["r1", "r2"], clock }, since);

  it("notifies every receiver once of everything that ended since its last look", async () => {
    jobs.work(async ({ id }) => {
      if (id === "build-uid-2") throw new JobError("ImageNotFound", "gone");
      return result;
    });
    await jobs.add(buildJob(7));
    await clock.advance(10 * 60_000);
    const since = clock.now();
    for (const number of [1, 2]) await jobs.add(buildJob(number));
    await jobs.idle();
    followed.work(async () => ({ state: "succeeded", endedAt: clock.now() }));
    await followed.add({ id: "follow-1", analyzer: "thoth", jobId: "build-uid-1", analysisId: "analysis-1" });
    await followed.idle();
    await clock.advance(10 * 60_000);
    expect(await tell(since)).toBe(clock.now() - 5 * 60_000);
    const told = (await notify.recent(20)).map(
      ({ job: { receiver, event } }) => `${receiver} ${event.type.split(".").slice(2, 4).join(".")}`,
    );
    expect(told.toSorted()).toEqual(
      ["analysis.finished", "job.failed", "job.submitted"].flatMap((type) => [`r1 ${type}`, `r2 ${type}`]).toSorted(),
    );
    await tell(since);
    expect((await notify.counts()).waiting).toBe(6);
  });

  it("forgets what it sent a day ago, and does not send it again", async () => {
    jobs.work(async () => result);
    notify.work(async () => ({ status: 200 }));
    await jobs.add(buildJob(1));
    await jobs.idle();
    expect(await tell(clock.now()), "never further back").toBe(clock.now());
    await notify.idle();
    expect((await notify.counts()).done).toBe(2);
    clock.set(clock.now() + 25 * hour);
    await tell(clock.now() - hour);
    expect(await notify.counts()).toEqual({ waiting: 0, running: 0, done: 0, failed: 0, dismissed: 0 });
  });
});

describe("the log", () => {
  const attempt = (outcome: "done" | "retrying" | "failed", receiver = "r1") => {
    const job = { id: "w", receiver, event: eventOfJob(done) ?? expect.unreachable() };
    const error = { reason: "NotificationFailed" as const, message: "http://hooks answered 500" };
    return {
      record: { ...base, job, state: "waiting" as const, ...(outcome !== "done" && { error }) },
      outcome,
      milliseconds: 1,
    };
  };

  it("says once that a receiver fails, once that it works again, and names everything that was given up", () => {
    const { log, messages } = captureLog();
    const report = createDeliveryReports(log);
    for (const outcome of ["done", "retrying", "retrying", "done", "done", "failed"] as const) report(attempt(outcome));
    report(attempt("retrying", "r2"));
    expect(messages()).toEqual([
      "A receiver does not accept notifications; they are kept for it",
      "A receiver accepts notifications again",
      "A notification was given up",
      "A receiver does not accept notifications; they are kept for it",
    ]);
  });
});
