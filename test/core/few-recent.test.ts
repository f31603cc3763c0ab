import { expect, it } from "vitest";
import { createFewRecent } from "../../src/core/few-recent.ts";

it("what anybody can add to forgets what was used longest ago", () => {
  const few = createFewRecent<number>(2);
  few.set("a", 1);
  few.set("b", 2);
  expect(few.get("a")).toBe(1);
  few.set("c", 3);
  expect(["a", "b", "c"].map((key) => few.get(key))).toEqual([1, undefined, 3]);
  for (let at = 0; at < 100; at++) few.set("c", at);
  expect(few.get("a")).toBe(1);
});
