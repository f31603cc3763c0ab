import { describe, expect, it } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import { jobBackoff } from "../../src/core/jobs/retry.ts";
import type { AttemptEnd } from "../../src/queue/dispatching/attempt.ts";
import { type Gate, openGate } from "../../src/queue/dispatching/gate.ts";
import { judge } from "../../src/queue/dispatching/verdict.ts";
import { nothing } from "./jobs.ts";

const hour = 3_600_000;
const now = 100 * hour;
const first = { failures: 0, failingFor: 0 };
const circumstances = {
  now,
  took: 0,
  random: 1,
  giveUpAfter: 72 * hour,
  backoff: jobBackoff,
  gateBefore: openGate,
  gate: openGate,
};
const shut: Gate = { kind: "shut", until: now + 30_000, against: [1, 2, 3] };

function failed(...given: ConstructorParameters<typeof JobError>): AttemptEnd {
  return { kind: "failed", error: new JobError(...given) };
}

describe("what becomes of a job after an attempt", () => {
  it("is done when its handler succeeded, however old it is", () => {
    const verdict = judge({ kind: "done", result: nothing }, { failures: 9, failingFor: 1_000 * hour }, circumstances);
    expect(verdict).toEqual({ outcome: "done", result: nothing });
  });

  it("is as before when it was interrupted, however old it is", () => {
    expect(judge({ kind: "interrupted" }, { failures: 9, failingFor: 1_000 * hour }, circumstances)).toEqual({
      outcome: "interrupted",
    });
  });

  it.each([
    ["a first failure", failed("CopyFailed", "x"), first, 2_000],
    ["a fourth failure", failed("CopyFailed", "x"), { failures: 3, failingFor: hour }, 16_000],
    ["a hundredth failure", failed("CopyFailed", "x"), { failures: 99, failingFor: hour }, 15 * 60_000],
    ["a longer Retry-After", failed("RateLimited", "x", { retryAfter: 60_000 }), first, 60_000],
    ["a shorter Retry-After", failed("RateLimited", "x", { retryAfter: 1 }), first, 2_000],
    ["a Retry-After of a week", failed("RateLimited", "x", { retryAfter: 168 * hour }), first, hour],
    [
      "the endpoint's fault, while it worked for others",
      failed("AnalyzerUnavailable", "x"),
      { failures: 99, failingFor: hour },
      15 * 60_000,
    ],
  ])("waits after %s", (_name, end, history, wait) => {
    expect(judge(end, history, circumstances)).toMatchObject({ outcome: "retrying", delay: wait });
  });

  it("waits for the gate when the fault is the endpoint's, and only then", () => {
    const down = { ...circumstances, gateBefore: shut, gate: shut };
    expect(judge(failed("AnalyzerUnavailable", "x"), first, down)).toMatchObject({ delay: 30_000 });
    expect(judge(failed("CopyFailed", "x"), first, down)).toMatchObject({ delay: 2_000 });
  });

  it("waits a minute at most for an endpoint that was known to be down, however often it tried", () => {
    const down = { ...circumstances, gateBefore: shut, gate: { ...shut, until: now } };
    const history = { failures: 99, failingFor: hour };
    expect(judge(failed("AnalyzerUnavailable", "x"), history, down)).toMatchObject({ delay: 60_000 });
  });

  it.each([
    ["a first failure is never given up", 0, 0, "retrying"],
    ["just shorter", 1, 72 * hour - 1, "retrying"],
    ["as long", 1, 72 * hour, "failed"],
  ])("is given up by the time it was tried for: %s", (_name, failures, failingFor, outcome) => {
    expect(judge(failed("TimedOut", "x"), { failures, failingFor }, circumstances).outcome).toBe(outcome);
  });

  it("counts attempts and the waits between them, and says how long that was", () => {
    const verdict = judge(failed("TimedOut", "x"), { failures: 1, failingFor: hour }, { ...circumstances, took: 900_000 });
    expect(verdict).toMatchObject({ outcome: "retrying", delay: 4_000, failingFor: hour + 900_000 + 4_000 });
    const last = judge(failed("TimedOut", "x"), { failures: 1, failingFor: 72 * hour }, circumstances);
    expect(last).toMatchObject({ outcome: "failed", error: { reason: "TimedOut", givenUpAfter: 72 * hour } });
  });

  it("fails at once when time cannot heal it", () => {
    expect(judge(failed("ImageNotFound", "gone"), first, circumstances)).toEqual({
      outcome: "failed",
      error: { reason: "ImageNotFound", message: "gone" },
    });
  });
});
