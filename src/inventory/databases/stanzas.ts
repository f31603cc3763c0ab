import { mostPackages } from "./database.ts";

/**
 * Hands on blocks of `key: value` lines, separated by blank lines: only the wanted fields, without continuation lines. `take` returns false for one without
 * a name or version. Answers what could not be read, for people.
 */
export function eachStanza(
  bytes: Buffer,
  wanted: readonly string[],
  take: (stanza: ReadonlyMap<string, string>) => boolean,
): string[] {
  const troubles: string[] = [];
  let [count, broken] = [0, 0];
  for (const stanza of stanzas(bytes, wanted)) {
    if (++count > mostPackages) {
      troubles.push(`it has more than ${mostPackages} entries`);
      break;
    }
    if (!take(stanza)) broken++;
  }
  if (broken > 0) troubles.push("it has an entry without a name or version");
  return troubles;
}

function* stanzas(bytes: Buffer, wanted: readonly string[]): Generator<ReadonlyMap<string, string>> {
  const keys = new Set(wanted);
  let fields = new Map<string, string>();
  for (const line of lines(bytes)) {
    if (line.trim() === "") {
      if (fields.size > 0) yield fields;
      fields = new Map();
      continue;
    }
    const colon = line.indexOf(":");
    const key = line.slice(0, Math.max(colon, 0));
    if (keys.has(key)) fields.set(key, line.slice(colon + 1).trim());
  }
  if (fields.size > 0) yield fields;
}

/** Line by line, so that a large file is not in memory twice. */
export function* lines(bytes: Buffer): Generator<string> {
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    yield bytes.toString("utf8", start, end).replace(/\r$/, "");
    start = end + 1;
  }
}
