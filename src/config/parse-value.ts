import { withoutEnd } from "../core/outside-text.ts";
import { checkFormat } from "./formats.ts";
import type { Option } from "./options.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./quantities.ts";

/** A setting's value as the bot uses it. */
export type Value = boolean | number | string | readonly string[];

/** The value of a text, or what is expected instead. */
export type Parsed = { readonly value: Value } | { readonly expected: string };

const yes = ["1", "true", "yes", "on", "t", "y"];
const no = ["0", "false", "no", "off", "f", "n"];

/** Reads a setting's text, which is not empty, by the type of its option. */
export function parseValue(option: Option, text: string): Parsed {
  switch (option.type) {
    case "boolean":
      return parseBoolean(text);
    case "integer":
      return inRange(option, /^[+-]?\d+$/.test(text) ? Number(text) : undefined, "a whole number", String);
    case "duration":
      return inRange(option, parseDuration(text), "a duration such as 90 (seconds), 90s, 15m, 72h or 30d", formatDuration);
    case "size":
      return inRange(option, parseSize(text), "a size such as 4194304 (bytes) or 4MiB", formatSize);
    case "list":
      return parseList(option, text);
    case "choice":
      return parseChoice(option.choices ?? [], text);
    case "string":
      return formatted(option, option.format === "repository-prefix" ? withoutEnd(text, "/") : text);
  }
}

/** A value as text; `parseValue` reads it back. */
export function formatValue(option: Option, value: Value): string {
  if (option.type === "duration" && typeof value === "number") return formatDuration(value);
  if (option.type === "size" && typeof value === "number") return formatSize(value);
  if (typeof value === "boolean") return value ? "1" : "0";
  return typeof value === "object" ? value.join(",") : String(value);
}

/** An option's default as text. */
export function defaultText(option: Option): string | undefined {
  return option.default === undefined ? undefined : formatValue(option, option.default);
}

function parseBoolean(text: string): Parsed {
  const word = text.toLowerCase();
  if (yes.includes(word)) return { value: true };
  return no.includes(word) ? { value: false } : { expected: "1, 0, true or false" };
}

function inRange(option: Option, value: number | undefined, what: string, format: (limit: number) => string): Parsed {
  const { minimum, maximum } = option;
  const isTooSmall = minimum !== undefined && value !== undefined && value < minimum;
  const isTooLarge = value !== undefined && value > (maximum ?? Number.MAX_SAFE_INTEGER);
  if (value !== undefined && !isTooSmall && !isTooLarge) return { value };
  const bounds = [
    ...(minimum === undefined ? [] : [`at least ${format(minimum)}`]),
    ...(maximum === undefined ? [] : [`at most ${format(maximum)}`]),
  ];
  return { expected: [what, ...bounds].join(", ") };
}

function parseList(option: Option, text: string): Parsed {
  const items = [...new Set(text.split(",").map((item) => item.trim()))].filter(Boolean);
  for (const item of items) {
    const parsed = option.choices && !option.orCommands ? parseChoice(option.choices, item) : formatted(option, item);
    if ("expected" in parsed) return parsed;
  }
  return { value: items };
}

function parseChoice(choices: readonly string[], text: string): Parsed {
  const choice = choices.find((candidate) => candidate === text.toLowerCase());
  return choice === undefined ? { expected: choices.join(" or ") } : { value: choice };
}

function formatted({ format }: Option, text: string): Parsed {
  const expected = format && checkFormat(format, text);
  return expected === undefined ? { value: text } : { expected };
}
