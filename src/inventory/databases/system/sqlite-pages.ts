import { UnreadableDatabase } from "../database.ts";

/** Reads a page by its number (the first is 1), without the reserved bytes at its end. Throws `UnreadableDatabase`. */
export interface ReadPage {
  (number: number): Buffer;
  /** The size of all pages in bytes. Nothing in the database can be larger. */
  readonly bytes: number;
}

/** The pages of an SQLite file with its write-ahead log applied. Throws `UnreadableDatabase`. */
export function pageReader(file: Buffer, log: Buffer | undefined): ReadPage {
  const newer = log && log.length > 0 ? committedPages(log) : new Map<number, Buffer>();
  const first = newer.get(1) ?? file;
  if (first.length < 100 || first.toString("latin1", 0, 16) !== "SQLite format 3\0") {
    throw new UnreadableDatabase("it is no SQLite database");
  }
  const size = pageSize(first.readUInt16BE(16));
  const usable = size - first.readUInt8(20);
  if (usable < 480) throw new UnreadableDatabase("its pages are too small");
  const read = (number: number): Buffer => {
    const page = newer.get(number) ?? file.subarray((number - 1) * size, number * size);
    if (number < 1 || page.length !== size) throw new UnreadableDatabase(`it has no page ${number}: it breaks off`);
    return page.subarray(0, usable);
  };
  return Object.assign(read, { bytes: file.length + (log?.length ?? 0) });
}

function pageSize(value: number): number {
  const size = value === 1 ? 65_536 : value;
  if (size < 512 || (size & (size - 1)) !== 0) throw new UnreadableDatabase("its page size is no power of two");
  return size;
}

const logHeader = 32;
const frameHeader = 24;

/**
 * The committed pages of a write-ahead log (fileformat2, 4). It is read as long as salts and checksums match. What follows is older, or was never
 * committed.
 */
function committedPages(log: Buffer): Map<number, Buffer> {
  const committed = new Map<number, Buffer>();
  const magic = log.length < logHeader ? 0 : log.readUInt32BE(0);
  if (magic !== 0x377f0682 && magic !== 0x377f0683) throw new UnreadableDatabase("its write-ahead log is none");
  const size = pageSize(log.readUInt32BE(8) === 65_536 ? 1 : log.readUInt32BE(8));
  const add = magic === 0x377f0683 ? checksumOf("readUInt32BE") : checksumOf("readUInt32LE");
  let sum = add(log.subarray(0, 24), [0, 0]);
  if (!matches(log, 24, sum)) return committed;
  let pending = new Map<number, Buffer>();
  for (let at = logHeader; at + frameHeader + size <= log.length; at += frameHeader + size) {
    const page = log.subarray(at + frameHeader, at + frameHeader + size);
    sum = add(page, add(log.subarray(at, at + 8), sum));
    if (log.compare(log, 16, 24, at + 8, at + 16) !== 0 || !matches(log, at + 16, sum)) break;
    pending.set(log.readUInt32BE(at), page);
    if (log.readUInt32BE(at + 4) === 0) continue;
    for (const [number, written] of pending) committed.set(number, written);
    pending = new Map();
  }
  return committed;
}

type Sum = readonly [number, number];

function matches(log: Buffer, at: number, [first, second]: Sum): boolean {
  return log.readUInt32BE(at) === first && log.readUInt32BE(at + 4) === second;
}

function checksumOf(readWord: "readUInt32BE" | "readUInt32LE") {
  return (bytes: Buffer, [first, second]: Sum): Sum => {
    let [a, b] = [first, second];
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      a = (a + bytes[readWord](at) + b) >>> 0;
      b = (b + bytes[readWord](at + 4) + a) >>> 0;
    }
    return [a, b];
  };
}
