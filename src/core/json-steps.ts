import { countJsonMarks } from "./json-marks.ts";

/** Characters that are parsed, and that are searched, in one step: a few milliseconds each. */
export const parsedAtOnce = 32 * 1024;
const searchedAtOnce = 256 * 1024;

/** Lists and objects inside one another that are taken apart; what is deeper is parsed whole. */
const takenApart = 8;

/** Lists and objects inside one another that a long text may have: deep ones take long to parse. */
const deepest = 1_000;

/** Names in one object: to make room for ever more of them takes long. */
const mostNames = 100_000;

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Does what `JSON.parse` does, in steps of bounded work with a pause after each, so that other work can run in between. Only a single long text takes one
 * longer step. Throws a `RangeError` for more than `mostValues` values, for too deep ones and for too many names, and a `SyntaxError` for what is no JSON.
 */
export function* parseInSteps(text: string, mostValues: number, atOnce = parsedAtOnce): Generator<void, unknown> {
  let values = 0;
  for (let from = 0; from < text.length; from += searchedAtOnce) {
    values += countJsonMarks(text.slice(from, from + searchedAtOnce)).values;
    if (values > mostValues) throw new RangeError(`has more than ${mostValues} values`);
    yield;
  }
  return yield* parseSpan(text, { from: 0, to: text.length, depth: 0, atOnce });
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  readonly atOnce: number;
}

function* parseSpan(text: string, { from, to, depth, atOnce }: Span): Generator<void, unknown> {
  const start = skipSpace(text, from);
  const opening = text.charCodeAt(start);
  if (to - from <= atOnce || depth >= takenApart || (opening !== openBracket && opening !== openBrace))
    return JSON.parse(text.slice(from, to));
  const isList = opening === openBracket;
  const list: unknown[] = [];
  const object: Record<string, unknown> = {};
  let names = 0;
  for (let at = start + 1, isLast = false, isFirst = true; !isLast; isFirst = false) {
    const run = yield* findRun(text, at, to, atOnce);
    isLast = text.charCodeAt(run.end) !== comma;
    if (run.isOne && skipSpace(text, at) < run.end) {
      const name = isList ? "" : nameIn(text, at, run.colon);
      const value = yield* parseSpan(text, { from: isList ? at : run.colon + 1, to: run.end, depth: depth + 1, atOnce });
      if (isList) list.push(value);
      else set(object, name, value);
      names += 1;
    } else {
      const part = text.slice(at, run.end);
      if (part.trim() === "" && !(isFirst && isLast)) throw new SyntaxError("A value is missing");
      if (isList) for (const value of JSON.parse(`[${part}]`)) list.push(value);
      else {
        const members = Object.entries(JSON.parse(`{${part}}`));
        names += members.length;
        for (const [name, value] of members) set(object, name, value);
      }
    }
    if (!isList && names > mostNames) throw new RangeError(`has an object of more than ${mostNames} names`);
    yield;
    at = run.end + 1;
    if (isLast && (text.charCodeAt(run.end) !== (isList ? closeBracket : closeBrace) || skipSpace(text, at) < to))
      throw new SyntaxError("It ends before its end");
  }
  return isList ? list : object;
}

function nameIn(text: string, from: number, colonAt: number): string {
  const name: unknown = colonAt < 0 ? undefined : JSON.parse(text.slice(from, colonAt));
  if (typeof name === "string") return name;
  throw new SyntaxError("A member has no name");
}

/** Some members or elements from here on: as many as are parsed at once, or one that is larger. */
interface Run {
  /** The place of the comma or bracket after them. */
  readonly end: number;
  /** Whether it is one that is too large to be parsed at once. */
  readonly isOne: boolean;
  /** The place of the colon after a member's name. */
  readonly colon: number;
}

function* findRun(text: string, from: number, to: number, atOnce: number): Generator<void, Run> {
  let [depth, last, firstColon, pauseAt] = [0, -1, -1, from + searchedAtOnce];
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfText(text, at, to);
    else if (code === openBracket || code === openBrace) {
      if (++depth > deepest) throw new RangeError("is nested too deeply");
    } else if (code === colon && depth === 0 && firstColon < 0) firstColon = at;
    else if (code === closeBracket || code === closeBrace || (code === comma && depth === 0)) {
      if (depth > 0) {
        depth--;
        continue;
      }
      if (at - from > atOnce) return { end: last < 0 ? at : last, isOne: last < 0, colon: firstColon };
      if (code !== comma) return { end: at, isOne: false, colon: firstColon };
      last = at;
    }
    if (at < pauseAt) continue;
    pauseAt = at + searchedAtOnce;
    yield;
  }
  throw new SyntaxError("It breaks off");
}

/** The place of the quotation mark that ends a text. */
function endOfText(text: string, from: number, to: number): number {
  let at = from + 1;
  while (at < to && text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1;
  return at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\r\n".includes(text[at] as string)) at++;
  return at;
}

/** A property of its own, also for the name that would set the prototype. */
function set(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__") Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else object[name] = value;
}
