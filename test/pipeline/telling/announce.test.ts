import { describe, expect, it } from "vitest";
import type { BuildAnnouncer } from "../../../src/cluster/announcer.ts";
import { JobError } from "../../../src/core/jobs/errors.ts";
import { createAnnouncements } from "../../../src/pipeline/telling/announce.ts";
import { announcementOf, announcementOfAnalysis } from "../../../src/pipeline/telling/announcement.ts";
import type { AttemptReport, JobRecord, JobResult } from "../../../src/queue/job-queue.ts";
import { fakeClock, settle } from "../../support/fake-clock.ts";
import { captureLog } from "../../support/log.ts";

const result: JobResult = {
  output: "quay.io/mirror/shop-app@sha256:1",
  copiedAt: 1,
  analyses: [
    { of: "base", id: "a-base", cached: false },
    { of: "output", id: "a-output", cached: false },
  ],
  notes: [],
  link: "https://thoth.example.com/a-output",
};

function attempt(outcome: AttemptReport["outcome"], traits: Partial<JobRecord> = {}, name = "app-1"): AttemptReport {
  const job = { id: `build-${name}`, analyzer: "thoth", cause: "build" as const, build: { namespace: "shop", name, uid: name } };
  const state = outcome === "done" || outcome === "failed" ? outcome : "waiting";
  const error = { reason: "ImageNotFound" as const, message: "gone" };
  const ending = outcome === "done" ? { result } : { error };
  return { record: { job, state, attempts: 1, createdAt: 1, updatedAt: 2, ...ending, ...traits }, outcome, milliseconds: 5 };
}

describe("the announcement of an attempt", () => {
  it("that is done: copy, link and the analysis of the image", () => {
    expect(announcementOf(attempt("done"), true)?.fields).toEqual({
      state: "submitted",
      reason: undefined,
      analysis: undefined,
      "analysis-id": "a-output",
      copied: "quay.io/mirror/shop-app@sha256:1",
      "report-url": "https://thoth.example.com/a-output",
    });
  });

  it("that left the image where it is: no copy", () => {
    const { copiedAt: _, ...inPlace } = result;
    expect(announcementOf(attempt("done", { result: inPlace }), true)?.fields.copied).toBeUndefined();
  });

  it.each([
    ["failed", true, "failed", "SubmissionFailed"],
    ["failed", false, "failed", "SubmissionFailed"],
    ["retrying", true, "retrying", "SubmissionRetrying"],
  ] as const)("that is %s (the first: %s) is %s, by reason and with the remedy", (outcome, first, state, reason) => {
    const told = announcementOf(attempt(outcome), first);
    expect(told?.fields).toMatchObject({ state, reason: "ImageNotFound", copied: undefined });
    expect(told?.event).toMatchObject({
      type: "Warning",
      reason,
      note: expect.stringMatching(/^ImageNotFound: The image is gone from its registry/),
    });
  });

  it.each([
    ["a further failure", attempt("retrying"), false],
    ["an interruption", attempt("interrupted"), true],
    [
      "an image that no build made",
      { ...attempt("done"), record: { ...attempt("done").record, job: { id: "i", analyzer: "thoth", cause: "scan" } } },
      true,
    ],
  ] as const)("is nothing for %s", (_, report, first) => {
    expect(announcementOf(report, first)).toBeUndefined();
  });

  it("that was tried again after its end is another occasion, a further first failure is not", () => {
    const occasion = (report: AttemptReport) => announcementOf(report, true)?.event?.occasion;
    expect(occasion(attempt("failed", { updatedAt: 3 }))).not.toBe(occasion(attempt("failed")));
    expect(occasion(attempt("retrying", { updatedAt: 3 }))).toBe(occasion(attempt("retrying")));
  });

  it("of one of several images has names of its own, is an Event of its own, and says which image it is", () => {
    const ofImage = (at: number) => {
      const report = attempt("retrying");
      const output = { kind: "reference", reference: { registry: "quay.io", repository: "shop/app", tag: String(at) } } as const;
      const job = { ...report.record.job, id: `build-app-1-${at}`, output, place: { at, of: 256 } };
      return announcementOf({ ...report, record: { ...report.record, job } }, true);
    };
    expect(ofImage(2)?.fields).toMatchObject({ "image-2-state": "retrying", "image-2-name": "quay.io/shop/app:2" });
    expect(ofImage(2)?.event?.note).toMatch(/^quay.io\/shop\/app:2: ImageNotFound/);
    expect(ofImage(1)?.event?.occasion).not.toBe(ofImage(2)?.event?.occasion);
    expect([20, 21].map((at) => Object.keys(ofImage(at)?.fields ?? {}).length > 0)).toEqual([true, false]);
  });

  it("is how the analysis of the image ended, not that of its base", () => {
    const { record } = attempt("done");
    const told = (analysisId: string) =>
      announcementOfAnalysis({ id: "f", jobId: record.job.id, analysisId } as never, { state: "failed" }, record);
    expect(told("a-output")?.fields).toEqual({ analysis: "failed", "analysis-id": "a-output" });
    expect(told("a-base")).toBeUndefined();
  });
});

describe("telling", () => {
  function start(annotate: BuildAnnouncer["annotate"]) {
    const clock = fakeClock();
    const captured = captureLog();
    const announcer = { annotate, event: async () => undefined };
    const parts = { annotate: true, events: false, jobs: { find: async () => undefined }, log: captured.log, clock };
    return { clock, captured, announcements: createAnnouncements({ announcer, ...parts }) };
  }

  it("pauses where it failed, warns once, and again after it went well", async () => {
    let tries = 0;
    let isBroken = true;
    const { clock, captured, announcements } = start(async () => {
      tries += 1;
      if (isBroken) throw new JobError("ClusterUnavailable", "no right");
    });
    const tell = async () => {
      announcements.onAttempt(attempt("done"));
      await settle();
    };
    for (const _ of [1, 2, 3]) await tell();
    expect(tries).toBe(1);
    await clock.advance(60_001);
    await tell();
    expect([tries, captured.messages("warn").length]).toEqual([2, 1]);
    isBroken = false;
    await clock.advance(60_001);
    await tell();
    isBroken = true;
    await tell();
    expect([tries, captured.messages("warn").length]).toEqual([4, 2]);
    expect(captured.lines[0]).toMatchObject({ namespace: "shop", setting: "BUILD_WATCHER_ANNOTATE", error: "no right" });
    await announcements.stop();
  });

  it("keeps order and a bounded line, of which the oldest are dropped", async () => {
    const told: string[] = [];
    const first = Promise.withResolvers<void>();
    const { announcements } = start(async ({ name }) => {
      told.push(name);
      if (told.length === 1) await first.promise;
    });
    for (let number = 0; number <= 1_500; number += 1) announcements.onAttempt(attempt("done", {}, `app-${number}`));
    first.resolve();
    await announcements.stop();
    expect(told).toHaveLength(1_001);
    expect([told[0], told[1], told.at(-1)]).toEqual(["app-0", "app-501", "app-1500"]);
  });

  it("that hangs is given up soon after the bot is to stop", async () => {
    const { clock, announcements } = start(
      (_build, _fields, signal) => new Promise((_resolve, reject) => signal.addEventListener("abort", reject)),
    );
    announcements.onAttempt(attempt("done"));
    const stopped = announcements.stop();
    await clock.advance(2_000);
    await stopped;
  });
});
