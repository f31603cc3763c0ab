import { compareNumbers } from "./rpm.ts";

/** dpkg's comparison of `[epoch:]upstream[-revision]` (man 7 deb-version). */
export function compareDeb(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return (
    compareNumbers(left.epoch, right.epoch) ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

function split(text: string): { epoch: string; upstream: string; revision: string } {
  const [, epoch = "0", rest = ""] = /^(?:(\d+):)?(.*)$/s.exec(text) ?? [];
  const dash = rest.lastIndexOf("-");
  return { epoch, upstream: dash < 0 ? rest : rest.slice(0, dash), revision: dash < 0 ? "" : rest.slice(dash + 1) };
}

/** Parts without digits alternate with parts of digits. */
function compareParts(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left || right) {
    const [one, other] = [/^\D*/.exec(left)?.[0] ?? "", /^\D*/.exec(right)?.[0] ?? ""];
    const texts = compareTexts(one, other);
    if (texts !== 0) return texts;
    [left, right] = [left.slice(one.length), right.slice(other.length)];
    const [number, otherNumber] = [/^\d*/.exec(left)?.[0] ?? "", /^\d*/.exec(right)?.[0] ?? ""];
    const numbers = compareNumbers(number, otherNumber);
    if (numbers !== 0) return numbers;
    [left, right] = [left.slice(number.length), right.slice(otherNumber.length)];
  }
  return 0;
}

/** Compares character by character: `~`, the end, letters, everything else. */
function compareTexts(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = Math.sign(weight(a[at]) - weight(b[at]));
    if (order !== 0) return order;
  }
  return 0;
}

function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === "~") return -1;
  return /[a-zA-Z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}
