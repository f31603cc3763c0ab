import { compareNumbers, compareTexts } from "./rpm.ts";

/** Semantic versions (https://semver.org, 11), as in npm and Go. A leading `v`, build metadata and missing parts do not count. */
export function compareSemver(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (let at = 0; at < Math.max(left.numbers.length, right.numbers.length); at++) {
    const order = compareNumbers(left.numbers[at] ?? "0", right.numbers[at] ?? "0");
    if (order !== 0) return order;
  }
  if (left.early === undefined || right.early === undefined)
    return Number(left.early === undefined) - Number(right.early === undefined);
  return compareEarly(left.early.split("."), right.early.split("."));
}

function parse(text: string): { numbers: readonly string[]; early: string | undefined } {
  const [, numbers = "0", early] = /^[v=\s]*(\d+(?:\.\d+)*)(?:-?([a-zA-Z0-9.-]+))?/.exec(text.split("+")[0] ?? "") ?? [];
  return { numbers: numbers.split("."), early };
}

function compareEarly(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = compareIdentifiers(a[at], b[at]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers before words. */
function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  const [isNumber, isOther] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOther) return compareNumbers(a, b);
  return isNumber === isOther ? compareTexts(a, b) : isNumber ? -1 : 1;
}
