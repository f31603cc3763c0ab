import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { compareDeb } from "../../../src/inventory/versions/deb.ts";
import { compareRpm } from "../../../src/inventory/versions/rpm.ts";
import { requirePrograms, runProgram } from "../../support/programs.ts";

/** Versions as distributions have them, and what is made of their parts. */
const known = [
  "1",
  "1.0",
  "1.0.0",
  "01",
  "1.0a",
  "1.a",
  "1.0~rc1",
  "1.0~~",
  "1.0^git1",
  "1.0^",
  "2.0.1",
  "1.0.1e",
  "1_0",
  "10.1b2",
  "1.0a1",
  "9",
  "10",
  "1.05",
];
const part = fc.constantFrom("0", "1", "9", "10", "007", "a", "b", "rc", "git", ".", "~", "+", "^", "..");
const version = fc.oneof(
  fc.constantFrom(...known),
  fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => `1${parts.join("")}`),
);

/** The same versions on every run, so that one call of the program answers all. */
function pairs(ofDeb: boolean): (readonly [string, string])[] {
  const one = ofDeb ? version.map((text) => text.replaceAll("^", "").replaceAll("_", "+")) : version;
  return fc.sample(fc.tuple(one, one), { numRuns: 600, seed: 7 });
}

requirePrograms("rpm")("rpm's order", () => {
  it("is that of rpm itself", () => {
    const asked = pairs(false);
    const calls = asked.map(([a, b]) => `print(rpm.vercmp("${a}", "${b}") .. " ")`).join(" ");
    const answers = runProgram("rpm", ["--eval", `%{lua: ${calls}}`])
      .trim()
      .split(/\s+/)
      .map(Number);
    expect(answers).toHaveLength(asked.length);
    expect(asked.map(([a, b]) => [a, b, compareRpm(a, b)])).toEqual(asked.map(([a, b], index) => [a, b, answers[index]]));
  });

  it("goes by epoch, version and release", () => {
    const ordered = ["1.0-1", "1.0-2", "1.0-10", "1.1-1", "1:0.5-1", "2:0.1-1"];
    for (const [at, one] of ordered.entries()) {
      for (const [other, two] of ordered.entries()) expect(compareRpm(one, two)).toBe(Math.sign(at - other));
    }
    expect(compareRpm("1.0", "1.0-5")).toBe(0);
  });
});

requirePrograms("dpkg", "sh")("dpkg's order", () => {
  it("is that of dpkg itself", () => {
    const asked = pairs(true);
    const line = ([a, b]: readonly [string, string]) =>
      `if dpkg --compare-versions '${a}' lt '${b}'; then echo -1; elif dpkg --compare-versions '${a}' eq '${b}'; then echo 0; else echo 1; fi`;
    const some = asked.slice(0, 150);
    const { stdout } = spawnSync("sh", ["-c", some.map(line).join("\n")], { encoding: "utf8" });
    const answers = stdout.trim().split("\n").map(Number);
    expect(some.map(([a, b]) => [a, b, compareDeb(a, b)])).toEqual(some.map(([a, b], index) => [a, b, answers[index]]));
  });

  it("goes by epoch, upstream version and revision", () => {
    const ordered = ["1.0~rc1-1", "1.0-1~deb12u1", "1.0-1", "1.0-1+b1", "1.0-2", "1.0+dfsg-1", "1:0.1-1"];
    for (const [at, one] of ordered.entries()) {
      for (const [other, two] of ordered.entries())
        expect([one, two, compareDeb(one, two)]).toEqual([one, two, Math.sign(at - other)]);
    }
  });
});
