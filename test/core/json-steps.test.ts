import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseInSteps } from "../../src/core/json-steps.ts";

/** The result and the number of steps. */
function parsed(text: string, atOnce?: number, mostValues = Number.POSITIVE_INFINITY) {
  const steps = parseInSteps(text, mostValues, atOnce);
  for (let count = 1; ; count++) {
    const { done, value } = steps.next();
    if (done) return { value, count };
  }
}

function outcome(parse: () => unknown): unknown {
  try {
    return { value: parse() };
  } catch (error) {
    return (error as Error).name;
  }
}

const spaced = fc
  .tuple(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, "\t"))
  .map(([value, space]) => JSON.stringify(value, undefined, space));

describe("JSON that is parsed in steps", () => {
  it("is what JSON.parse makes of it", () => {
    const text = fc.oneof(
      spaced,
      fc
        .array(fc.tuple(fc.string(), spaced))
        .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)} : ${value}`).join(",")}}`),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 40 }), (json, atOnce) => {
        expect(parsed(json, atOnce).value).toEqual(JSON.parse(json));
      }),
      { numRuns: 500 },
    );
  });

  it("is an error where it is one of JSON.parse, and nowhere else", () => {
    const mark = fc.constantFrom("[", "]", "{", "}", ",", ":", '"', '"a"', "1", " ", "\\", "null", '"a":1', "[1,2]", "-", "\n");
    const text = fc.oneof(
      fc.array(mark, { maxLength: 14 }).map((marks) => marks.join("")),
      fc
        .tuple(spaced, fc.nat(), mark)
        .map(([json, at, more]) => json.slice(0, at % (json.length + 1)) + more + json.slice(at % (json.length + 1))),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 8 }), (json, atOnce) => {
        expect(outcome(() => parsed(json, atOnce).value)).toEqual(outcome(() => JSON.parse(json)));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each(["{  }", "[  ]", '{"a": {   }, "b":[   ] }', "[   1   ]"])("may have any space: %s", (text) => {
    expect(parsed(text, 0).value).toEqual(JSON.parse(text));
  });

  it("cannot give an object another prototype", () => {
    const text = `{"__proto__":{"a":1},"b":[${"1,".repeat(20)}1],"__proto__":{"c":[${"2,".repeat(20)}2]}}`;
    const { value } = parsed(text, 10);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value as object)).toEqual(["__proto__", "b"]);
  });

  it.each([
    ["a list", `[${'{"id":"CVE-1","severity":"High"},'.repeat(20_000)}{}]`],
    ["an object with ever more names", `{${Array.from({ length: 40_000 }, (_, at) => `"k${at}":1`).join(",")}}`],
    ["a list deep within", `{"scan":{"components":[{"vulns":[${"{},".repeat(200_000)}{}]}]},"notes":[]}`],
    ["lists in lists", `[${`[${"1,".repeat(5_000)}1],`.repeat(30)}[]]`],
  ])("takes many short steps where it is long: %s", (_, text) => {
    const { value, count } = parsed(text);
    expect(value).toEqual(JSON.parse(text));
    expect(count).toBeGreaterThan(text.length / (40 * 1024));
  });

  it("is an error if it is nested too deeply, which takes long to parse", () => {
    expect(() => parsed(`${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`)).toThrow("is nested too deeply");
    expect(parsed(`${"[".repeat(900)}${"1,".repeat(20_000)}1${"]".repeat(900)}`).value).toHaveLength(1);
  });

  it("is an error if an object has too many names, for which room must be made again and again", () => {
    const names = Array.from({ length: 110_000 }, (_, at) => `"k${at}":1`);
    expect(() => parsed(`{"a":{${names.join(",")}}}`)).toThrow("has an object of more than 100000 names");
  });

  it("is an error if it has too many values", () => {
    expect(() => parsed(`[${"1,".repeat(1_000)}1]`, 100, 999)).toThrow(RangeError);
    expect(parsed(`[${"1,".repeat(1_000)}1]`, 100, 1_001).value).toHaveLength(1_001);
  });
});
