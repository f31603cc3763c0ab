import { describe, expect, it } from "vitest";
import type { BuildSighting } from "../../src/cluster/cluster.ts";
import type { FailureReason } from "../../src/core/jobs/errors.ts";
import { createActivity } from "../../src/server/activity.ts";
import { fakeClock } from "../support/fake-clock.ts";
import { record } from "./records.ts";

const minute = 60_000;

function monitored() {
  const clock = fakeClock(60 * minute);
  const activity = createActivity(clock);
  const analyses = [{ of: "output", id: "a-1", cached: false }];
  const done = () => activity.onAttempt({ outcome: "done", record: record({ result: { analyses, notes: [] } }) });
  const fail = (reason: FailureReason, outcome: "failed" | "retrying" = "retrying") =>
    activity.onAttempt({ outcome, record: record({ state: "failed", error: { reason, message: `${reason}!` } }) });
  return { clock, activity, done, fail };
}

describe("the watch", () => {
  it("shows its last event, its last list and its last sign of life", async () => {
    const { clock, activity } = monitored();
    const sightings: readonly BuildSighting[] = [
      { kind: "builds", namespace: "shop", builds: [], listed: true },
      { kind: "synced", namespace: "shop", startedAt: 0 },
      { kind: "builds", namespace: "shop", builds: [], listed: false },
      { kind: "alive", namespace: "shop" },
    ];
    const start = clock.now();
    for (const sighting of sightings) {
      await clock.advance(minute);
      activity.see(sighting);
    }
    expect(activity.read()).toMatchObject({
      startedAt: start,
      lastListAt: start + 2 * minute,
      lastEventAt: start + 3 * minute,
      lastSignAt: start + 4 * minute,
    });
  });

  it("is in trouble until a namespace shows life again, with the last message and the first time", async () => {
    const { clock, activity } = monitored();
    const trouble = (namespace: string, message: string) =>
      activity.see({ kind: "trouble", namespace, reason: "Forbidden", message, retryIn: 0 });
    const since = clock.now();
    trouble("shop", "no right");
    await clock.advance(minute);
    trouble("shop", "still no right");
    trouble("bank", "no right");
    activity.see({ kind: "alive", namespace: "bank" });
    expect(activity.read().troubles).toEqual([{ namespace: "shop", reason: "Forbidden", message: "still no right", since }]);
  });

  it("is not in trouble because the API server forgot a position", () => {
    const { activity } = monitored();
    activity.see({ kind: "trouble", namespace: "shop", reason: "Expired", message: "", retryIn: 0 });
    expect(activity.read().troubles).toEqual([]);
  });
});

describe("the endpoint", () => {
  it("is unknown until it was asked", () => {
    const { activity, fail } = monitored();
    fail("ImageNotFound", "failed");
    expect(activity.read().endpoint).toEqual({ state: "unknown" });
  });

  it.each([
    ["AnalyzerUnavailable", "down"],
    ["AnalyzerRejected", "up"],
    ["AnalyzerFailed", "up"],
    ["AnalyzerProtocol", "up"],
  ] as const)("after %s is %s", (reason, state) => {
    const { activity, fail, clock } = monitored();
    fail(reason);
    expect(activity.read().endpoint).toMatchObject({ state, failedAt: clock.now(), message: `${reason}!` });
  });

  it("is up again with the next submission it takes", async () => {
    const { activity, fail, done, clock } = monitored();
    fail("AnalyzerUnavailable");
    await clock.advance(minute);
    done();
    expect(activity.read().endpoint).toMatchObject({ state: "up", acceptedAt: clock.now() });
  });

  it("is also known from the question at the start", () => {
    const { activity } = monitored();
    activity.discovered("thoth", "THOTH_USER_API_HOST does not answer");
    expect(activity.read().endpoint).toMatchObject({ state: "down", message: "THOTH_USER_API_HOST does not answer" });
    activity.discovered("thoth");
    expect(activity.read().endpoint.state).toBe("up");
  });

  it("is not known from a job that had nothing to submit", () => {
    const { activity } = monitored();
    activity.onAttempt({ outcome: "done", record: record({ result: { analyses: [], notes: [] } }) });
    expect(activity.read().endpoint.state).toBe("unknown");
  });
});

describe("the last hour", () => {
  it("counts ended jobs by the minute and forgets what is older", async () => {
    const { clock, activity, done, fail } = monitored();
    done();
    fail("ImageNotFound", "failed");
    fail("RateLimited", "retrying");
    await clock.advance(10 * minute);
    done();
    done();
    const { minutes } = activity.read();
    expect(minutes).toHaveLength(60);
    expect([minutes.at(-11), minutes.at(-1)]).toEqual([
      { done: 1, failed: 1 },
      { done: 2, failed: 0 },
    ]);
    await clock.advance(50 * minute);
    expect(activity.read().minutes.reduce((sum, { done: ended }) => sum + ended, 0)).toBe(2);
  });

  it("is taken from the records for the time before the start", async () => {
    const { clock, activity } = monitored();
    const now = clock.now();
    const records = {
      done: [
        record({ updatedAt: now - minute, result: { analyses: [], notes: [], submittedAt: 77 } }),
        record({ updatedAt: now - 2 * 60 * minute }),
      ],
      failed: [record({ state: "failed", updatedAt: now - minute })],
    };
    await activity.recall({
      recent: async (_limit, { state } = {}) => (state === "done" || state === "failed" ? records[state] : []),
      tally: async () => [{ analyzer: "thoth", outcome: "submitted", jobs: 2 }],
    });
    const { minutes, endpoint } = activity.read();
    expect(minutes.at(-2)).toEqual({ done: 1, failed: 1 });
    expect(minutes.filter(({ done }) => done > 0)).toHaveLength(1);
    expect(endpoint).toEqual({ state: "unknown", acceptedAt: 77 });
  });
});
