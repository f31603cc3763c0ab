import type { Ecosystem } from "../inventory.ts";
import { compareVersions } from "./compare.ts";

/** One bound of a range. `like`: the version and all that start with its parts. */
interface Bound {
  readonly operator: "<" | "<=" | ">" | ">=" | "=" | "!=" | "like";
  readonly version: string;
}

/** Whether a version is in a range, by its ecosystem's order. */
export type Range = (ecosystem: Ecosystem, version: string) => boolean;

const longestRange = 300;

/**
 * Reads a range: bounds such as `>=2.0` and `<2.17.1`, separated by spaces or commas, which must all hold. `2.14` without an operator means 2.14 and all
 * that start with it, such as `2.14.1` or `2.14-3.el9`. `=2.14` means only that version. A bound without an epoch ignores epochs. Undefined if it cannot
 * be read.
 */
export function parseRange(text: string): Range | undefined {
  if (text.length > longestRange) return undefined;
  const bounds = text
    .replace(/([<>=!])\s+/g, "$1")
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseBound);
  if (bounds.length === 0 || bounds.some((bound) => bound === undefined)) return undefined;
  return (ecosystem, version) => bounds.every((bound) => bound !== undefined && holds(bound, ecosystem, version));
}

function parseBound(text: string): Bound | undefined {
  const [, operator = "", version = ""] = /^(<=|>=|!=|==|<|>|=)?(.+)$/.exec(text) ?? [];
  if (!/^[\w.+~^:!-]+$/.test(version)) return undefined;
  if (operator === "") return { operator: "like", version };
  return { operator: operator === "==" ? "=" : (operator as Bound["operator"]), version };
}

function holds({ operator, version: bound }: Bound, ecosystem: Ecosystem, full: string): boolean {
  const version = withoutUnaskedEpoch(full, bound, ecosystem);
  if (version === "") return false;
  const order = compareVersions[ecosystem](version, bound);
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "like":
      return order === 0 || beginsWith(version, bound);
  }
}

/** People who ask for `<3.0.8` do not know that the distribution calls it `1:3.0.7`. */
function withoutUnaskedEpoch(version: string, bound: string, ecosystem: Ecosystem): string {
  const hasEpoch = ecosystem === "deb" || ecosystem === "rpm";
  return hasEpoch && !/^\d+:/.test(bound) ? version.replace(/^\d+:/, "") : version;
}

/** Whole parts only: 2.1 does not begin 2.14. */
function beginsWith(version: string, start: string): boolean {
  const [plain, wanted] = [version.replace(/^v/, ""), start.replace(/^v/, "")];
  return plain.startsWith(wanted) && /^[^a-zA-Z0-9]/.test(plain.slice(wanted.length));
}
