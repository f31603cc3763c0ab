/** The longest outside texts that are kept, in characters: a failure, a sentence or address, and a name or number. */
export const longestFailure = 2_000;
export const longestText = 1_000;
export const longestId = 256;

/**
 * What moves a terminal's cursor, ends a line, or turns the direction of writing: C0, DEL, C1, line and paragraph separators, marks,
 * embeddings and isolates of bidirectional text, and halves of characters. Each is one character, so the search is fast for every text.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}\ufeff]/gu;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u001b": "\\e" };

/** An outside text on one line: what would act on a terminal or forge a line is written as an escape. It is first cut to `longest` characters. */
export function forPeople(text: string, longest: number = longestText): string {
  return cutText(cutText(text, longest).replace(unprintable, escaped), longest);
}

/** A field of an outside object, as it is kept; undefined when it is empty or not a text. */
export function outsideText(value: unknown, longest: number = longestText): string | undefined {
  return typeof value === "string" && value !== "" ? forPeople(value, longest) : undefined;
}

/** The same for a text of several lines, JSON included: line breaks and tabs stay. It is not cut. */
export function linesForPeople(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(unprintable, (character) => ("\n\t".includes(character) ? character : escaped(character)));
}

/** Terminal colours, cursor moves and titles (ECMA-48: CSI and OSC). No part of one begins another, so each character is read once. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const sequence = /\u001b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\u0007\u001b]{0,1024}(?:\u0007|\u001b\\))/g;

/** A line of a program's output without its colours, and without anything else that acts on a terminal. It is not cut. */
export function withoutColours(line: string): string {
  return line.replace(sequence, "").replace(unprintable, (character) => (character === "\t" ? "\t" : ""));
}

/** The same for JSON, which already escapes the other characters. */
export function jsonForPeople(json: string): string {
  return json.replace(unprintable, (character) => (character === "\n" ? character : `\\u${hex(character.charCodeAt(0), 4)}`));
}

/** The beginning of a text, with … where it was cut. A text that was cut before stays as it is. */
function cutText(text: string, longest: number): string {
  return text.length > longest && !(text.length === longest + 1 && text.endsWith("…")) ? `${text.slice(0, longest)}…` : text;
}

/** The address of a page, safe to show; undefined when it is not http(s), carries a login, or is too long. */
export function webLink(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length > longestText || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPage = url.protocol === "https:" || url.protocol === "http:";
  return isPage && url.username === "" && url.password === "" ? forPeople(url.href) : undefined;
}

/** The text without these characters at its end; a pattern anchored to the end would be slow. */
export function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

/** Whether a pattern, where `*` stands for any characters, matches a whole text. It takes time proportional to the two lengths. */
export function matchesWildcard(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return first === text;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return named[character] ?? (code < 0x7f ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
