import { ApiError } from "../api/api-error.ts";

/** A part of a list as the server sent it. */
export interface ReadList<T> {
  readonly items: readonly T[];
  /** Everything but the items. */
  readonly rest: unknown;
  /** The size of the whole answer. */
  readonly bytes: number;
}

/** The most bytes of one item, and of everything besides the items; etcd refuses objects above 1.5 MiB. */
const longestRest = 1024 * 1024;
const longestItem = 8 * 1024 * 1024;

/** Enough bytes for the name of a field, with any spacing. */
const tailLength = 32;

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [34, 92, 123, 125, 91, 93];

/** A list that is larger than what may be kept of it; `fits` of its items are not. */
export class TooLargeList extends Error {
  override readonly name = "TooLargeList";
  readonly fits: number;

  constructor(fits: number) {
    super(`The list is too large after ${fits} items`);
    this.fits = fits;
  }
}

/**
 * Reads a list item by item: however large it is, only a piece of it is in memory, plus what `read` keeps of each.
 * Throws `ApiError("BadData")`, and `TooLargeList` if it has several items and more than `mostBytes`.
 */
export async function readList<T>(
  chunks: AsyncIterable<Buffer>,
  read: (object: unknown) => T | Promise<T>,
  mostBytes = Number.POSITIVE_INFINITY,
): Promise<ReadList<T>> {
  const items: T[] = [];
  let whole: Buffer[] = [];
  const rest = createCollector(longestRest);
  const item = createCollector(longestItem);
  let bytes = 0;
  let depth = 0;
  let inString = false;
  let escaped = false;
  let inItems = false;

  function scan(chunk: Buffer): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
      } else if (byte === quote) inString = true;
      else if (byte === openBrace || byte === openBracket) {
        depth += 1;
        if (inItems && depth === 3) start = at;
        else if (!inItems && depth === 2 && byte === openBracket) start = enterItems(chunk, start, at);
      } else if (byte === closeBrace || byte === closeBracket) {
        depth -= 1;
        if (inItems && depth === 2) take(chunk.subarray(start, at + 1));
        else if (inItems && depth === 1) {
          inItems = false;
          start = at;
        }
      }
    }
    if (inItems && depth >= 3) item.add(chunk.subarray(start));
    else if (!inItems) rest.add(chunk.subarray(start));
  }

  function enterItems(chunk: Buffer, start: number, at: number): number {
    const before = Buffer.concat([rest.tail(), chunk.subarray(Math.max(start, at - tailLength), at)]).toString("latin1");
    if (!before.replaceAll(/\s/g, "").endsWith('"items":')) return start;
    rest.add(chunk.subarray(start, at + 1));
    inItems = true;
    return at;
  }

  function take(end: Buffer): void {
    item.add(end);
    whole.push(item.take());
  }

  for await (const chunk of chunks) {
    bytes += chunk.length;
    scan(chunk);
    for (const object of whole) items.push(await read(parse(object)));
    whole = [];
    if (bytes > mostBytes && items.length > 0) throw new TooLargeList(items.length);
  }
  return { items, rest: parse(rest.take()), bytes };
}

/** Joins pieces, up to a limit. */
function createCollector(limit: number) {
  let pieces: Buffer[] = [];
  let length = 0;
  return {
    add(piece: Buffer): void {
      length += piece.length;
      if (length > limit) throw new ApiError("BadData", `The list has a part of more than ${limit} bytes`);
      if (piece.length > 0) pieces.push(piece);
    },
    tail: () => Buffer.concat(pieces.slice(-tailLength)).subarray(-tailLength),
    take(): Buffer {
      const whole = Buffer.concat(pieces);
      pieces = [];
      length = 0;
      return whole;
    },
  };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new ApiError("BadData", "The list is no JSON");
  }
}
