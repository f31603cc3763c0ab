import { expect, it } from "vitest";
import { countFound, type Found, found } from "../../../src/analyzers/results/count-found.ts";
import { noVulnerabilities } from "../../../src/core/jobs/findings.ts";

it("counts each vulnerability once: by its first severity, and as fixable if it is so anywhere", async () => {
  const all = [
    found("A", "HIGH", false),
    found("B", "low", true),
    found("A", "LOW", true),
    found("A", "LOW", true),
    found(7, "x", false),
  ];
  expect(await countFound(all)).toEqual({ severities: { ...noVulnerabilities, high: 1, low: 1, unknown: 1 }, fixable: 2 });
});

it("takes names and severities of odd kinds for unknown ones", async () => {
  const odd = [{ toString: 1, valueOf: 1 }, null, [], undefined, true].map((value) => found(value, value, false));
  expect(await countFound(odd)).toEqual({ severities: { ...noVulnerabilities, unknown: 1 }, fixable: 0 });
});

it("lets other work run while it counts hundreds of thousands", async () => {
  let others = 0;
  let seenInBetween = 0;
  function* many(): Iterable<Found> {
    for (let at = 0; at < 50_000; at++) {
      if (at === 25_000) seenInBetween = others;
      yield found(`CVE-${at}`, "high", false);
    }
  }
  setImmediate(() => others++);
  expect((await countFound(many())).severities.high).toBe(50_000);
  expect(seenInBetween).toBe(1);
});
