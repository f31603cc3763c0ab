import { compareNumbers, compareTexts } from "./rpm.ts";

const pattern =
  /^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:(?:[-_.]?(post|rev|r)[-_.]?(\d*))|-(\d+))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9._-]+))?\s*$/i;

const early: Readonly<Record<string, string>> = {
  a: "a",
  alpha: "a",
  b: "b",
  beta: "b",
  c: "rc",
  rc: "rc",
  pre: "rc",
  preview: "rc",
};

interface Parsed {
  readonly epoch: string;
  readonly release: readonly string[];
  /** Everything after the release, to be compared part by part. */
  readonly rest: readonly string[];
  readonly local: readonly string[];
}

/** Python's comparison (PEP 440). Anything else is compared as text and comes before all versions. */
export function comparePypi(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  if (!left || !right) return Number(left !== undefined) - Number(right !== undefined) || compareTexts(a, b);
  return (
    compareNumbers(left.epoch, right.epoch) ||
    compareLists(left.release, right.release, "0") ||
    compareLists(left.rest, right.rest, "") ||
    compareLists(left.local, right.local, "")
  );
}

function parse(text: string): Parsed | undefined {
  const match = pattern.exec(text.slice(0, 300));
  if (!match) return undefined;
  const [, epoch = "0", release = "0", word, number, post, postNumber, implicit, dev, devNumber, local] = match;
  const isPost = post !== undefined || implicit !== undefined;
  // Development releases come before pre-releases, and these before the version itself.
  const phase = word ? (early[word.toLowerCase()] ?? "") : dev && !isPost ? "0" : "z";
  const rest = [
    phase,
    word ? number || "0" : "0",
    isPost ? "1" : "0",
    postNumber || implicit || "0",
    dev ? "0" : "1",
    devNumber || "0",
  ];
  return { epoch, release: release.split("."), rest, local: local?.toLowerCase().split(/[-_.]/) ?? [] };
}

/** A missing part comes before words, and words before numbers. In a release a missing part is 0. */
function compareLists(a: readonly string[], b: readonly string[], missing: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [left, right] = [a[at] ?? missing, b[at] ?? missing];
    const [isNumber, isOther] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    const order =
      isNumber && isOther ? compareNumbers(left, right) : isNumber || isOther ? phases(left, right) : compareTexts(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

/** The phase `0` of a development release sorts before the words of all other phases. */
function phases(left: string, right: string): number {
  if (/^(?:a|b|rc|z)$/.test(left) || /^(?:a|b|rc|z)$/.test(right)) return compareTexts(left, right);
  return /^\d+$/.test(left) ? 1 : -1;
}
