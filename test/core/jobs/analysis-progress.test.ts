import { describe, expect, it } from "vitest";
import { judgeAnalysis, type ToldProgress } from "../../../src/core/jobs/analysis-progress.ts";

const minute = 60_000;
const hour = 60 * minute;
const now = 1_000 * hour;

function judged(told: ToldProgress, { age = minute, answersFor = true, followFor = 24 * hour } = {}) {
  return judgeAnalysis(told, { now, since: now - age, followFor, answersFor });
}

describe("how an analysis goes", () => {
  it.each([
    ["runs", { age: minute }, { kind: "pending" }],
    ["runs", { age: 24 * hour - 1 }, { kind: "pending" }],
    ["runs for too long", { age: 24 * hour }, { kind: "given-up", because: "still-running" }],
  ])("while it %s (%j) is %j", (_, terms, expected) => {
    expect(judged({ state: "running" }, terms)).toEqual(expected);
  });

  it("is what the service says when it ended, however late that is", () => {
    expect(judged({ state: "succeeded", endedAt: 5 }, { age: 100 * hour })).toEqual({
      kind: "ended",
      state: "succeeded",
      endedAt: 5,
    });
    const failed = { kind: "ended", state: "failed", endedAt: now, reason: "out of memory" };
    expect(judged({ state: "failed", reason: "out of memory" })).toEqual(failed);
  });

  it("has not ended later than now, whatever the service's clock says", () => {
    expect(judged({ state: "succeeded", endedAt: 8.64e15 })).toMatchObject({ state: "succeeded", endedAt: now });
  });

  it("is unknown to the service for a moment at first; then it failed", () => {
    expect(judged({ state: "unknown" }, { age: minute - 1 })).toEqual({ kind: "pending" });
    expect(judged({ state: "unknown" }, { age: minute })).toMatchObject({ kind: "ended", state: "failed", endedAt: now });
  });

  it("cannot be told where the service does not answer for its kind", () => {
    expect(judged({ state: "unknown" }, { age: minute, answersFor: false })).toEqual({ kind: "given-up", because: "unknown" });
  });
});
