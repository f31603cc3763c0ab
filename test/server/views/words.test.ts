import { describe, expect, it } from "vitest";
import { isoTime } from "../../../src/core/clock.ts";
import { failureReasons } from "../../../src/core/jobs/errors.ts";
import { toText } from "../../../src/server/views/html.ts";
import {
  agoText,
  counted,
  dateText,
  duration,
  outside,
  reasonWords,
  stateBadge,
  timeAhead,
} from "../../../src/server/views/words.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

it.each([
  [0, "0.0 s"],
  [1_240, "1.2 s"],
  [-5, "0.0 s"],
  [42 * second, "42 s"],
  [3 * minute + 12 * second, "3 min 12 s"],
  [10 * minute + 12 * second, "10 min"],
  [2 * hour, "2 h"],
  [2 * hour + 5 * minute, "2 h 5 min"],
  [50 * hour, "2 d 2 h"],
])("%i ms take %s", (milliseconds, words) => {
  expect(duration(milliseconds)).toBe(words);
});

it.each([
  [-hour, "just now"],
  [4_999, "just now"],
  [7_900, "7 s ago"],
  [hour, "1 h ago"],
])("%i ms are %s", (milliseconds, words) => {
  expect(agoText(milliseconds)).toBe(words);
});

it("writes a date as people do, and says when it is none", () => {
  expect(dateText(Date.UTC(2026, 8, 7, 3, 1, 42))).toBe("7 Sep 2026, 03:01:42 UTC");
  expect(dateText(Number.NaN)).toBe("unknown");
});

it.each([
  [1, "1 job"],
  [999, "999 jobs"],
  [1_000, "1,000 jobs"],
  [1_234_567, "1,234,567 jobs"],
  [20_000_001, "20,000,001 jobs"],
])("%i are %s", (amount, words) => {
  expect(counted(amount, "job")).toBe(words);
});

it("distinguishes a time ahead from one that is due", () => {
  expect(toText(timeAhead(minute, 0))).toContain("in 1 min");
  expect(toText(timeAhead(0, minute))).toContain("now");
});

it("shows every failure reason as words", () => {
  expect(Object.keys(failureReasons).map(reasonWords)).toContain("Image not found");
  for (const reason of Object.keys(failureReasons)) expect(reasonWords(reason)).toMatch(/^[A-Z][a-z]+( [a-z]+)*$/);
});

it("distinguishes a job that failed before from one that was never tried", () => {
  expect(toText(stateBadge({ state: "waiting" }))).toContain("waiting");
  expect(toText(stateBadge({ state: "waiting", error: { reason: "RateLimited", message: "" } }))).toContain("to be retried");
});

describe("text from outside", () => {
  it("is isolated and cut", () => {
    expect(toText(outside("\u202eabc"))).toBe("<bdi>\u202eabc</bdi>");
    expect(toText(outside("x".repeat(10_000), 10))).toBe(`<bdi>${"x".repeat(10)}…</bdi>`);
  });

  it("does not break a page with an invalid time", () => {
    expect(isoTime(Number.NaN)).toBe("unknown");
    expect(isoTime(1e300)).toBe("unknown");
  });
});
