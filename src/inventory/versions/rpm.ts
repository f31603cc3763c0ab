/** rpm's comparison of `[epoch:]version[-release]` (rpm: rpmio/rpmvercmp.c). A missing epoch is 0. If one has no release, releases do not count. */
export function compareRpm(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  const first = Math.sign(left.epoch - right.epoch) || compareParts(left.version, right.version);
  if (first !== 0 || left.release === undefined || right.release === undefined) return first;
  return compareParts(left.release, right.release);
}

function split(text: string): { epoch: number; version: string; release: string | undefined } {
  const [, epoch, rest = ""] = /^(?:(\d+):)?(.*)$/s.exec(text) ?? [];
  const dash = rest.lastIndexOf("-");
  const [version, release] = dash < 0 ? [rest, undefined] : [rest.slice(0, dash), rest.slice(dash + 1)];
  return { epoch: Number(epoch ?? 0), version, release };
}

/** Segments of digits alternate with segments of letters. `~` comes before the end of the text, `^` after it. */
function compareParts(a: string, b: string): number {
  let [left, right] = [skip(a), skip(b)];
  while (left || right) {
    const marked = compareMarks(left, right);
    if (marked === "both") {
      [left, right] = [skip(left.slice(1)), skip(right.slice(1))];
      continue;
    }
    if (marked !== undefined) return marked;
    if (!left || !right) break;
    const isNumber = /^\d/.test(left);
    const pattern = isNumber ? /^\d+/ : /^[a-zA-Z]+/;
    const [one, other] = [pattern.exec(left)?.[0] ?? "", pattern.exec(right)?.[0] ?? ""];
    if (!other) return isNumber ? 1 : -1;
    const order = isNumber ? compareNumbers(one, other) : compareTexts(one, other);
    if (order !== 0) return order;
    [left, right] = [skip(left.slice(one.length)), skip(right.slice(other.length))];
  }
  return Number(left !== "") - Number(right !== "");
}

function compareMarks(left: string, right: string): number | "both" | undefined {
  if (left.startsWith("~") || right.startsWith("~")) {
    if (!left.startsWith("~")) return 1;
    return right.startsWith("~") ? "both" : -1;
  }
  if (!left.startsWith("^") && !right.startsWith("^")) return undefined;
  if (!left) return -1;
  if (!right) return 1;
  if (!left.startsWith("^")) return 1;
  return right.startsWith("^") ? "both" : -1;
}

function skip(text: string): string {
  return text.replace(/^[^a-zA-Z0-9~^]+/, "");
}

/** Compares numbers of any length. */
export function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  return Math.sign(left.length - right.length) || compareTexts(left, right);
}

export function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
