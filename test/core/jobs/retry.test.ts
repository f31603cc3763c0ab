import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffDelay, longestRetryAfter, parseRetryAfter } from "../../../src/core/jobs/retry.ts";

const now = Date.parse("2026-11-21T10:00:00Z");

describe("parseRetryAfter", () => {
  it.each([
    ["seconds", "120", 120_000],
    ["a date", "Sat, 21 Nov 2026 10:00:30 GMT", 30_000],
    ["a date that has passed", "Sat, 21 Nov 2026 09:00:00 GMT", 0],
    ["no sense", "soon", undefined],
    ["nothing", undefined, undefined],
    ["an empty header", "  ", undefined],
    ["more than an hour", "86400", longestRetryAfter],
  ])("understands %s", (_, header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });
});

describe("backoffDelay", () => {
  it("doubles from the initial delay to the cap", () => {
    const delays = [1, 2, 3, 4, 5].map((failures) => backoffDelay(failures, { initial: 1000, cap: 6000 }, 1));
    expect(delays).toEqual([1000, 2000, 4000, 6000, 6000]);
  });

  it("never waits longer than the cap nor less than half the step, however many failures", () => {
    fc.assert(
      fc.property(fc.integer({ min: -5, max: 10_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, random) => {
        const delay = backoffDelay(failures, { initial: 800, cap: 30_000 }, random);
        expect(delay).toBeGreaterThanOrEqual(400);
        expect(delay).toBeLessThanOrEqual(30_000);
      }),
    );
  });
});
