import { UnreadableDatabase } from "../database.ts";

const hashMagic = 0x061561;
const pageHeader = 26;
const pageTypes = { unsortedHash: 2, overflow: 7, hash: 13 } as const;
const itemTypes = { keyData: 1, offPage: 3 } as const;

interface Database {
  readonly bytes: Buffer;
  readonly pageSize: number;
  readonly u16: (at: number) => number;
  readonly u32: (at: number) => number;
}

/**
 * The values of a Berkeley DB hash in either byte order (db: src/dbinc/db_page.h). rpm has this format for `Packages` up to RHEL 8. The record with key 0
 * is rpm's counter. Throws `UnreadableDatabase`.
 */
export function* berkeleyBlobs(bytes: Buffer): Generator<Buffer> {
  const database = openDatabase(bytes);
  // Values never share pages, so together they cannot be larger than the file.
  let left = bytes.length;
  for (let start = database.pageSize; start + database.pageSize <= bytes.length; start += database.pageSize) {
    const type = bytes[start + 25];
    if (type !== pageTypes.hash && type !== pageTypes.unsortedHash) continue;
    for (const value of valuesOf(database, start)) {
      left -= value.length;
      if (left < 0) throw new UnreadableDatabase("its packages lie upon each other");
      yield value;
    }
  }
}

function openDatabase(bytes: Buffer): Database {
  const little = bytes.length >= 512 && bytes.readUInt32LE(12) === hashMagic;
  if (!little && (bytes.length < 512 || bytes.readUInt32BE(12) !== hashMagic)) {
    throw new UnreadableDatabase("it is no Berkeley DB hash");
  }
  const u16 = (at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const u32 = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const pageSize = u32(20);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
    throw new UnreadableDatabase("its page size is no power of two");
  }
  if (bytes[24] !== 0) throw new UnreadableDatabase("it is encrypted");
  if ((u32(32) + 1) * pageSize > bytes.length) throw new UnreadableDatabase("it is cut off");
  return { bytes, pageSize, u16, u32 };
}

/** The values of a page. Its items alternate between key and value, from the end of the page to its start. */
function* valuesOf(database: Database, start: number): Generator<Buffer> {
  const { bytes, pageSize, u16, u32 } = database;
  const entries = u16(start + 20);
  if (pageHeader + entries * 2 > pageSize) throw new UnreadableDatabase("a page has more entries than room");
  const offset = (index: number) => (index < 0 ? pageSize : u16(start + pageHeader + index * 2));
  for (let index = 1; index < entries; index += 2) {
    const [at, end] = [start + offset(index), start + offset(index - 1)];
    if (at >= end || end > start + pageSize) throw new UnreadableDatabase("a page's entries do not fit it");
    if (isCounter(bytes.subarray(end, start + offset(index - 2)))) continue;
    if (bytes[at] === itemTypes.offPage) yield overflow(database, u32(at + 4), u32(at + 8));
    else if (bytes[at] === itemTypes.keyData) yield bytes.subarray(at + 1, end);
    else throw new UnreadableDatabase("a page has entries of a kind rpm does not write");
  }
}

function isCounter(key: Buffer): boolean {
  return key.length === 5 && key[0] === itemTypes.keyData && key.readUInt32LE(1) === 0;
}

/** A value that is too large for a page and has a chain of pages. */
function overflow({ bytes, pageSize, u16, u32 }: Database, first: number, length: number): Buffer {
  if (length > bytes.length) throw new UnreadableDatabase("a package is larger than the database");
  const parts: Buffer[] = [];
  let missing = length;
  for (let page = first; missing > 0; ) {
    const start = page * pageSize;
    const used = u16(start + 22);
    if (bytes[start + 25] !== pageTypes.overflow || used === 0 || used > pageSize - pageHeader) {
      throw new UnreadableDatabase("a package's pages are broken");
    }
    if (parts.length * pageSize > bytes.length) throw new UnreadableDatabase("a package's pages run in a circle");
    parts.push(bytes.subarray(start + pageHeader, start + pageHeader + Math.min(used, missing)));
    missing -= used;
    page = u32(start + 16);
  }
  return Buffer.concat(parts);
}
