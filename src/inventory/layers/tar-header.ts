import { isAscii, isUtf8 } from "node:buffer";

/** Why the rest of a layer is not read. The message is for people. */
export class LayerLimit extends Error {}

/** The fields of a header that matter here. */
export interface TarHeader {
  readonly name: string;
  readonly size: number;
  /** Its kind, one character. */
  readonly type: string;
  readonly target: string;
}

export const blockSize = 512;
const zeros = Buffer.alloc(blockSize);
const longestField = 12;

/**
 * The header in a block, as Go's archive/tar reads it, which container engines use (also for old archives of Go, with a prefix where GNU has times).
 * Undefined for a block of zeros. Throws for a block that is no header.
 */
export function readTarHeader(block: Buffer): TarHeader | undefined {
  if (zeros.equals(block)) return undefined;
  const sum = numberAt(block, 148, 8);
  if (!checksumsOf(block).some((its) => its === sum)) throw new Error("it has a header with a wrong checksum");
  const size = numberAt(block, 124, longestField);
  if (size === undefined) throw new LayerLimit("it has a file whose size is no number");
  const prefix = prefixOf(block);
  const name = textAt(block, 0, 100);
  return {
    name: prefix ? `${prefix}/${name}` : name,
    size,
    type: block.toString("latin1", 156, 157),
    target: textAt(block, 157, 100),
  };
}

/** The sum of its bytes, with spaces in the place of the sum itself. Old programs added them as signed numbers. */
function checksumsOf(block: Buffer): readonly number[] {
  let [sum, high] = [8 * 0x20, 0];
  for (let at = 0; at < blockSize; at++) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at] ?? 0;
    sum += byte;
    if (byte > 0x7f) high++;
  }
  return [sum, sum - high * 0x100];
}

function prefixOf(block: Buffer): string {
  const magic = block.toString("latin1", 257, 265);
  if (magic.startsWith("ustar\0")) return textAt(block, 345, block.toString("latin1", 508, 512) === "tar\0" ? 131 : 155);
  if (magic !== "ustar  \0") return "";
  const isTime = (at: number) => block[at] === 0 || numberAt(block, at, longestField) !== undefined;
  const prefix = bytesAt(block, 345, 155);
  return (isTime(345) && isTime(357)) || !isAscii(prefix) ? "" : prefix.toString("latin1");
}

/** A number in octal digits, or in bytes for large ones. Undefined if it is none, or too large. */
function numberAt(block: Buffer, at: number, length: number): number | undefined {
  const field = block.subarray(at, at + length);
  if ((field[0] ?? 0) & 0x80) {
    const value = Number(BigInt(`0x${field.toString("hex")}`) - (0x80n << BigInt(8 * (length - 1))));
    return field[0] === 0x80 && Number.isSafeInteger(value) ? value : undefined;
  }
  const padded = field.toString("latin1").replace(/^[ \0]+/, "");
  const digits = padded.split("\0", 1)[0]?.trimEnd() || "0";
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

function textAt(block: Buffer, at: number, length: number): string {
  return nameOf(bytesAt(block, at, length));
}

function bytesAt(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** A name up to its first zero byte. Different bytes are different names, also those that are no UTF-8. */
export function nameOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  const name = end < 0 ? bytes : bytes.subarray(0, end);
  if (isUtf8(name)) return name.toString("utf8");
  return name.toString("latin1").replace(/[\x80-\xff]/g, (byte) => String.fromCharCode(0xdc00 + byte.charCodeAt(0)));
}

const mostAttributes = 1_000;

/** The records of an extended header (POSIX pax), later ones in place of earlier ones. Throws `LayerLimit` for what container engines refuse. */
export function readAttributes(bytes: Buffer): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const length = recordLength(bytes.subarray(at, at + 20));
    const record = bytes.subarray(at, at + length);
    const [start, equals] = [record.indexOf(" ") + 1, record.indexOf("=")];
    if (record.length !== length || record.at(-1) !== 0x0a || equals < start || equals > length - 2)
      throw new LayerLimit("it has an extended header that container engines do not read");
    const value = record.subarray(equals + 1, -1);
    const key = record.toString("utf8", start, equals);
    if (nameKeys.has(key) && value.includes(0))
      throw new LayerLimit("it has an extended header that container engines do not read");
    attributes.set(key, nameOf(value));
    if (attributes.size > mostAttributes) throw new LayerLimit(`a file in it has more than ${mostAttributes} attributes`);
    at += length;
  }
  return attributes;
}

const nameKeys: ReadonlySet<string> = new Set(["path", "linkpath"]);

/** A record begins with its whole length. */
function recordLength(head: Buffer): number {
  const digits = head.toString("latin1").split(" ", 1)[0] ?? "";
  const length = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
  if (length >= 5) return length;
  throw new LayerLimit("it has an extended header that container engines do not read");
}
