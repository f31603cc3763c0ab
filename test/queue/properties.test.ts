import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runScript, type Step, workers } from "./queue-model.ts";

const minute = 60_000;
const number = fc.nat({ max: 7 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("add" as const), number, scan: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      which: fc.nat({ max: workers - 1 }),
      how: fc.constantFrom("done", "final", "retryable", "pausing", "nonsense" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("advance" as const), milliseconds: fc.constantFrom(1, 3_000, minute, 20 * minute) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("set-clock" as const), by: fc.constantFrom(-90 * minute, 90 * minute) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("retry" as const, "dismiss" as const), number, scan: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("crash" as const, "reopen" as const, "forget" as const) }) },
);

describe("the embedded queue, in any order of events", () => {
  it("behaves like a simple model, and ends every job in the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const left = await runScript(steps);
        expect(left).toEqual({ waiting: 0, running: 0 });
      }),
      { numRuns: 40 },
    );
  });
});
