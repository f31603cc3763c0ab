import { inflateRawSync } from "node:zlib";
import { UnreadableDatabase } from "../database.ts";

/** A file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** The unpacked size in bytes, as the archive says. */
  readonly size: number;
  /** The packed size in bytes. Entries can share these bytes. */
  readonly packed: number;
  /** Unpacks it. Throws if it is larger than `limit`, or damaged. */
  read(limit: number): Buffer;
  /** Frees what was read, if it was unpacked. */
  free(bytes: Buffer): void;
}

const signatures = { file: 0x04034b50, directory: 0x02014b50, end: 0x06054b50 } as const;
const endSize = 22;
const longestComment = 65_535;
const mostEntries = 200_000;

/**
 * The files of a zip archive, from its central directory (PKWARE APPNOTE 6.3). Bytes before the archive are skipped, such as the script of an executable
 * jar. Throws `UnreadableDatabase`.
 */
export function zipEntries(bytes: Buffer): ZipEntry[] {
  const end = endOfDirectory(bytes);
  const count = bytes.readUInt16LE(end + 10);
  const [size, offset] = [bytes.readUInt32LE(end + 12), bytes.readUInt32LE(end + 16)];
  if (count === 0xffff || offset === 0xffffffff) throw new UnreadableDatabase("it is a zip64 archive");
  const shift = end - size - offset;
  if (shift < 0 || count > mostEntries) throw new UnreadableDatabase("its list of files does not fit it");
  const entries: ZipEntry[] = [];
  for (let at = offset + shift, index = 0; index < count; index++) {
    if (bytes.readUInt32LE(at) !== signatures.directory) throw new UnreadableDatabase("its list of files is broken");
    const [nameLength, extraLength, commentLength] = [
      bytes.readUInt16LE(at + 28),
      bytes.readUInt16LE(at + 30),
      bytes.readUInt16LE(at + 32),
    ];
    entries.push(entryAt(bytes, at, nameLength, shift));
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

function endOfDirectory(bytes: Buffer): number {
  const lowest = Math.max(0, bytes.length - endSize - longestComment);
  for (let at = bytes.length - endSize; at >= lowest; at--) {
    if (bytes.readUInt32LE(at) === signatures.end) return at;
  }
  throw new UnreadableDatabase("it is no zip archive");
}

function entryAt(bytes: Buffer, at: number, nameLength: number, shift: number): ZipEntry {
  const method = bytes.readUInt16LE(at + 10);
  const isEncrypted = (bytes.readUInt16LE(at + 8) & 1) !== 0;
  const [packed, size, local] = [bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 42) + shift];
  return {
    name: bytes.toString("utf8", at + 46, at + 46 + nameLength),
    size,
    packed,
    read(limit) {
      if (isEncrypted) throw new UnreadableDatabase("a file in it is encrypted");
      if (size > limit) throw new UnreadableDatabase("a file in it is too large");
      if (bytes.readUInt32LE(local) !== signatures.file) throw new UnreadableDatabase("a file in it is not where its list says");
      const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
      const data = bytes.subarray(start, start + packed);
      if (data.length !== packed) throw new UnreadableDatabase("it is cut off");
      if (method === 0) return data;
      if (method !== 8) throw new UnreadableDatabase("a file in it is packed in an unknown way");
      return inflate(data, Math.min(limit, size + 1));
    },
    free({ buffer }) {
      // A small one shares its memory with others.
      if (method === 8 && buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
    },
  };
}

function inflate(data: Buffer, limit: number): Buffer {
  try {
    const most = Math.max(1, limit);
    // As one chunk: several are there twice once they are put together.
    return inflateRawSync(data, { maxOutputLength: most, chunkSize: Math.max(64, most) });
  } catch {
    throw new UnreadableDatabase("a file in it is damaged");
  }
}
