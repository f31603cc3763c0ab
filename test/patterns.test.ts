import { describe, expect, it } from "vitest";
import { type FoundPattern, findPatterns, timeOf, worstTexts } from "./support/patterns.ts";

/** Patterns that never see a text from outside, by the beginning of their file's path, and whose text they see in place of it. */
const inside: Readonly<Record<string, string>> = {
  "demo/": "the demo's own cluster, registry and endpoint",
  "config/quantities.ts": "a setting of at most 100 characters",
};

/** Files that may make a pattern from a text. */
const makers: Readonly<Record<string, string>> = {
  "core/builds/label-selector.ts": "made of constants; it reads BUILD_WATCHER_LABEL_SELECTOR",
};

const { literals, made } = findPatterns("src/**/*.ts");
const outside = literals.filter(({ file }) => !Object.keys(inside).some((start) => file.startsWith(start)));
/** Each once, however often it is written. */
const judged = [...new Map(outside.map((pattern) => [String(pattern.expression), pattern])).values()];

const kilobyte = 1024;
/** A pattern may take this many times what a plain search for a character that is not there takes. */
const generous = 200;
/** Milliseconds that a busy machine may add. What grows with the square takes many seconds for 64 kB already. */
const interruption = 250;
const linear = /[^€]§/;
/** What grows with the square is too slow at the second of them already; of the last only the slowest text is tried. */
const lengths = [16, 64, 1024].map((size) => size * kilobyte);
/** Milliseconds that a pattern may take for each of the lengths. */
const bounds = new Map(lengths.map((length) => [length, generous * timeOf(linear, "a".repeat(length), 3) + interruption]));

/** The length at which a pattern takes far more than the text is long; undefined when it never does. */
function tooSlowAt({ expression }: FoundPattern): string | undefined {
  const slowestFirst = (texts: readonly string[]) =>
    texts.map((text) => ({ text, time: timeOf(expression, text, 1) })).toSorted((a, b) => b.time - a.time);
  let worst = slowestFirst(worstTexts(expression, kilobyte)).slice(0, 3);
  for (const [length, bound] of bounds) {
    if (length === lengths.at(-1)) worst = worst.slice(0, 1);
    worst = slowestFirst(worst.map(({ text }) => longer(text, length)));
    const found = worst.find(({ text, time }) => time > bound && timeOf(expression, text, 3) > bound);
    if (found) return `${length} of ${JSON.stringify(found.text.slice(0, 30))}…`;
  }
  return undefined;
}

/** The same text with more of its middle. */
function longer(text: string, length: number): string {
  const head = text.slice(0, text.length - 1 - (text.length >> 1));
  const body = text.slice(head.length, -1);
  const even = body.slice(0, body.length - (body.length % 2));
  return `${head}${even.repeat(Math.ceil((length - head.length) / even.length))}\u0001`;
}

describe("regular expressions", () => {
  it("are found in the sources", () => {
    expect(literals.length).toBeGreaterThan(100);
  });

  it("take a time that grows as a text from outside does, whatever it is made of", { timeout: 240_000 }, () => {
    const slow = judged.flatMap((pattern) => {
      const length = tooSlowAt(pattern);
      return length === undefined ? [] : [`${pattern.file}:${pattern.line} ${pattern.expression} takes too long for ${length}`];
    });
    expect(slow).toEqual([]);
  });

  it("are written down, not made from texts", () => {
    expect(made.filter((file) => !(file in makers) && !Object.keys(inside).some((start) => file.startsWith(start)))).toEqual([]);
  });
});
