import { UnreadableDatabase } from "../database.ts";
import { pageReader, type ReadPage } from "./sqlite-pages.ts";

/** One row of a table: the serial types of its columns, its payload starting with the first column, and its whole size in bytes. */
interface Row {
  readonly types: readonly number[];
  readonly values: Buffer;
  readonly size: number;
}

const leaf = 0x0d;
const interior = 0x05;
const deepest = 24;
/** The bytes of a row beside its payload: where it is, its size and its key. */
const leastCell = 4;

/**
 * The second column of every row of a table, where rpm keeps its headers. Read page by page (https://sqlite.org/fileformat2.html), including what the
 * write-ahead log committed. SQLite itself would need a file, trust the schema, and could not be stopped. Throws `UnreadableDatabase`.
 */
export function* sqliteBlobs(bytes: Buffer, log: Buffer | undefined, table: string): Generator<Buffer> {
  const pages = pageReader(bytes, log);
  // For rpm, a text is as good as a blob. Without either the row is a package that cannot be read.
  for (const row of tableRows(pages, rootPage(pages, table))) yield bytesOf(row, 1) ?? Buffer.alloc(0);
}

/** Rows never overlap, so together they cannot be larger than the file. */
function* tableRows(pages: ReadPage, root: number): Generator<Row> {
  let left = pages.bytes;
  for (const row of rows(pages, root, new Set())) {
    left -= row.size;
    if (left < 0) throw new UnreadableDatabase("its rows lie upon each other");
    yield row;
  }
}

function rootPage(pages: ReadPage, table: string): number {
  for (const row of tableRows(pages, 1)) {
    const root = column(row, 3);
    if (String(column(row, 0)) === "table" && String(column(row, 1)) === table && typeof root === "number") return root;
  }
  throw new UnreadableDatabase(`it has no table ${table}`);
}

function* rows(read: ReadPage, number: number, seen: Set<number>, depth = 0): Generator<Row> {
  if (seen.has(number) || depth > deepest) throw new UnreadableDatabase("its pages run in a circle");
  seen.add(number);
  const page = read(number);
  const header = number === 1 ? 100 : 0;
  const kind = page.readUInt8(header);
  const cells = page.readUInt16BE(header + 3);
  if (kind !== leaf && kind !== interior) throw new UnreadableDatabase(`its page ${number} belongs to no table`);
  const pointers = header + (kind === leaf ? 8 : 12);
  for (let cell = 0; cell < cells; cell++) {
    const at = page.readUInt16BE(pointers + cell * 2);
    if (kind === leaf) yield parseRow(payload(read, page, at));
    else yield* rows(read, page.readUInt32BE(at), seen, depth + 1);
  }
  if (kind === interior) yield* rows(read, page.readUInt32BE(header + 8), seen, depth + 1);
}

/** A row's payload, including overflow pages. */
function payload(read: ReadPage, page: Buffer, at: number): Buffer {
  const [size, afterSize] = varint(page, at);
  const [, start] = varint(page, afterSize);
  const usable = page.length;
  const local = localSize(size, usable);
  if (size > read.bytes || start + local > usable) throw new UnreadableDatabase("a row is larger than the database");
  if (local === size) return page.subarray(start, start + size);
  const parts = [page.subarray(start, start + local)];
  let missing = size - local;
  let next = page.readUInt32BE(start + local);
  while (missing > 0) {
    const overflow = read(next);
    const part = overflow.subarray(4, 4 + Math.min(missing, usable - 4));
    parts.push(part);
    missing -= part.length;
    next = overflow.readUInt32BE(0);
  }
  return Buffer.concat(parts);
}

/** How many bytes of a payload are in the cell itself (fileformat2, 1.6). */
function localSize(size: number, usable: number): number {
  const most = usable - 35;
  if (size <= most) return size;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const local = least + ((size - least) % (usable - 4));
  return local <= most ? local : least;
}

function parseRow(bytes: Buffer): Row {
  const [headerSize, first] = varint(bytes, 0);
  if (headerSize > bytes.length) throw new UnreadableDatabase("a row is larger than itself");
  const types: number[] = [];
  for (let at = first; at < headerSize && types.length < 100; ) {
    const [type, next] = varint(bytes, at);
    types.push(type);
    at = next;
  }
  return { types, values: bytes.subarray(headerSize), size: leastCell + bytes.length };
}

/** The sizes of serial types 0 to 9. From 12 on, the type contains the length. */
const sizes = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function sizeOf(type: number): number {
  return type < 12 ? (sizes[type] ?? 0) : Math.floor((type - 12) / 2);
}

/** A text, or an integer of up to 48 bits. Undefined for everything else. */
function column(row: Row, index: number): string | number | undefined {
  const type = row.types[index] ?? 0;
  if (type >= 12) return type % 2 === 0 ? undefined : bytesOf(row, index)?.toString("utf8");
  const { start, size } = place(row, index);
  if (type >= 1 && type <= 5) return row.values.readIntBE(start, size);
  return type === 9 ? 1 : undefined;
}

/** The bytes of a blob or text. Undefined for everything else. */
function bytesOf(row: Row, index: number): Buffer | undefined {
  if ((row.types[index] ?? 0) < 12) return undefined;
  const { start, size } = place(row, index);
  return row.values.subarray(start, start + size);
}

function place({ types, values }: Row, index: number): { readonly start: number; readonly size: number } {
  const start = types.slice(0, index).reduce((sum, before) => sum + sizeOf(before), 0);
  const size = sizeOf(types[index] ?? 0);
  if (start + size > values.length) throw new UnreadableDatabase("a row's column does not fit the row");
  return { start, size };
}

/** SQLite's integers of one to nine bytes. Here a value above 2^53 means damage. */
function varint(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = bytes.readUInt8(at + index);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, at + index + 1];
  }
  return [value * 256 + bytes.readUInt8(at + 8), at + 9];
}
