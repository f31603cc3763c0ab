import { expect, it } from "vitest";
import type { JobAnalysis, JobRecord } from "../../../src/queue/job-queue.ts";
import { stepsOf } from "../../../src/server/views/steps.ts";
import { record } from "../records.ts";

function analysis(facts: Partial<JobAnalysis> = {}): JobAnalysis {
  return { of: "output", id: "a-1", cached: false, ...facts };
}

const submitted = { copiedAt: 2_000, submittedAt: 3_000, notes: [] };

const cases: readonly (readonly [string, Partial<JobRecord>, string])[] = [
  ["waits", { state: "waiting" }, "seen@0 to be submitted"],
  ["runs", { state: "running" }, "seen@0 submitting"],
  ["failed", { state: "failed" }, "seen@0 failed@5000"],
  ["was dismissed", { state: "dismissed" }, "seen@0 dismissed@5000"],
  ["is done without a result", { state: "done" }, "seen@0 submitted@5000"],
  ["found nothing to submit", { result: { analyses: [], notes: [] } }, "seen@0 nothing submitted@5000"],
  ["was submitted before times were kept", { result: { analyses: [analysis()], notes: [] } }, "seen@0 submitted@5000"],
  [
    "was submitted and is not followed",
    { result: { ...submitted, analyses: [analysis()] } },
    "seen@0 copied@2000 submitted@3000",
  ],
  [
    "is analysis running",
    { result: { ...submitted, analyses: [analysis({ state: "running" }), analysis({ state: "succeeded", endedAt: 9 })] } },
    "seen@0 copied@2000 submitted@3000 analysis running",
  ],
  [
    "was analyzed",
    {
      result: {
        ...submitted,
        analyses: [analysis({ state: "succeeded", endedAt: 9_000 }), analysis({ state: "succeeded", endedAt: 8_000 })],
      },
    },
    "seen@0 copied@2000 submitted@3000 analysed@9000",
  ],
  [
    "has an analysis that failed",
    { result: { ...submitted, analyses: [analysis({ state: "failed", endedAt: 9_000 })] } },
    "seen@0 copied@2000 submitted@3000 analysis failed@9000",
  ],
  [
    "is tried again after it was done",
    { state: "waiting", result: { ...submitted, analyses: [] } },
    "seen@0 copied@2000 to be submitted",
  ],
];

it.each(cases)("a job that %s", (_name, facts, steps) => {
  const told = stepsOf(record(facts)).map(({ name, at }) => (at === undefined ? name : `${name}@${at}`));
  expect(told.join(" ")).toBe(steps);
});
