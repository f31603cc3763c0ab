import { compareNumbers, compareTexts } from "./rpm.ts";

/** Suffixes in order. A version without a suffix is between `rc` and `cvs`. */
const suffixes = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"];

/** apk's comparison of `1.2.3a_rc1-r4` (apk-tools: src/version.c). */
export function compareApk(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  return (
    compareLists(left.numbers, right.numbers, compareComponents) ||
    compareTexts(left.letter, right.letter) ||
    compareLists(left.suffixes, right.suffixes, compareSuffixes) ||
    compareNumbers(left.revision, right.revision)
  );
}

interface Parsed {
  readonly numbers: readonly string[];
  readonly letter: string;
  readonly suffixes: readonly string[];
  readonly revision: string;
}

function parse(text: string): Parsed {
  const [, numbers = "0", letter = "", tail = "", revision = "0"] =
    /^(\d[\d.]*)([a-z]?)((?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?/.exec(text) ?? [];
  return { numbers: numbers.split("."), letter, suffixes: tail.split("_").slice(1), revision };
}

function compareLists(
  a: readonly string[],
  b: readonly string[],
  compare: (a: string | undefined, b: string | undefined, at: number) => number,
): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = compare(a[at], b[at], at);
    if (order !== 0) return order;
  }
  return 0;
}

/** A component with a leading zero is a fraction, except the first. */
function compareComponents(a: string | undefined, b: string | undefined, at: number): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return at > 0 && (a.startsWith("0") || b.startsWith("0")) ? compareTexts(a, b) : compareNumbers(a, b);
}

function compareSuffixes(a: string | undefined, b: string | undefined): number {
  const [left, right] = [split(a), split(b)];
  return Math.sign(left.rank - right.rank) || compareNumbers(left.number, right.number);
}

function split(suffix: string | undefined): { rank: number; number: string } {
  const [, word = "", number = "0"] = /^([a-z]*)(\d*)$/.exec(suffix ?? "") ?? [];
  return { rank: suffixes.indexOf(word), number: number || "0" };
}
