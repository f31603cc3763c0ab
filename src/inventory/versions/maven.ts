import { compareNumbers, compareTexts } from "./rpm.ts";

interface Token {
  readonly separator: "." | "-";
  readonly text: string;
}

/** Qualifiers in order. Others come after them, alphabetically. */
const qualifiers = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const aliases: ReadonlyMap<string, string> = new Map([
  ["a", "alpha"],
  ["b", "beta"],
  ["m", "milestone"],
  ["cr", "rc"],
  ["ga", ""],
  ["final", ""],
  ["release", ""],
]);

/** Maven's comparison (https://maven.apache.org/pom.html#version-order-specification). */
export function compareMaven(a: string, b: string): number {
  const [left, right] = [tokens(a), tokens(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const order = compareTokens(left[at] ?? padding(right[at]), right[at] ?? padding(left[at]));
    if (order !== 0) return order;
  }
  return 0;
}

function tokens(text: string): readonly Token[] {
  const found: Token[] = [];
  let separator: Token["separator"] = "-";
  for (const [match] of text
    .slice(0, 300)
    .toLowerCase()
    .matchAll(/\d+|[^\d._-]+|[._-]/g)) {
    const isSeparator = /^[._-]$/.test(match);
    if (isSeparator) separator = match === "." ? "." : "-";
    else {
      found.push({ separator, text: normal(match) });
      // There is an implicit hyphen between digits and letters.
      separator = "-";
    }
  }
  return trim(found);
}

function normal(word: string): string {
  return aliases.get(word) ?? word;
}

/** Zeros and empty words at the end, or before a hyphen, do not count. */
function trim(found: readonly Token[]): readonly Token[] {
  const kept: Token[] = [];
  for (const [at, token] of found.entries()) {
    kept.push(token);
    const next = found[at + 1];
    if (next && next.separator === ".") continue;
    while (kept.length > 1 && isNull(kept.at(-1)?.text ?? "")) kept.pop();
  }
  return kept;
}

function isNull(text: string): boolean {
  return /^0*$/.test(text);
}

function padding(other: Token | undefined): Token {
  return { separator: other?.separator ?? "-", text: isNumber(other?.text ?? "") && other?.separator === "." ? "0" : "" };
}

function compareTokens(a: Token, b: Token): number {
  const [left, right] = [kindOf(a), kindOf(b)];
  if (left !== right) return Math.sign(left - right);
  return left > 0 ? compareNumbers(a.text, b.text) : compareWords(a.text, b.text);
}

/** A word comes before a number after a hyphen, which comes before a number after a dot. */
function kindOf({ separator, text }: Token): number {
  if (!isNumber(text)) return 0;
  return separator === "." ? 2 : 1;
}

function compareWords(a: string, b: string): number {
  const [left, right] = [rank(a), rank(b)];
  return Math.sign(left - right) || (left === qualifiers.length ? compareTexts(a, b) : 0);
}

function rank(word: string): number {
  const index = qualifiers.indexOf(word);
  return index < 0 ? qualifiers.length : index;
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}
