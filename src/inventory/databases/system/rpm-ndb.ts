import { UnreadableDatabase } from "../database.ts";

const magics = { database: "RpmP", slot: "Slot", blobHead: "BlbS", blobTail: "BlbE" } as const;
const pageSize = 4_096;
const headerSize = 32;
const slotSize = 16;
const blockSize = 16;
const blobHeadSize = 16;
const blobTailSize = 12;

/** The package headers in an NDB file, which SUSE uses (rpm: lib/backend/ndb/rpmpkg.c). Throws `UnreadableDatabase`. */
export function* ndbBlobs(bytes: Buffer): Generator<Buffer> {
  if (!startsWith(bytes, 0, magics.database)) throw new UnreadableDatabase("it is no NDB database");
  if (bytes.readUInt32LE(4) !== 0) throw new UnreadableDatabase("it is of an NDB version nobody knows");
  const end = bytes.readUInt32LE(12) * pageSize;
  if (end > bytes.length) throw new UnreadableDatabase("it is cut off");
  // Blobs never overlap, so together they cannot be larger than the file.
  let left = bytes.length;
  for (let at = headerSize; at < end; at += slotSize) {
    if (!startsWith(bytes, at, magics.slot)) throw new UnreadableDatabase("its list of packages is broken");
    const id = bytes.readUInt32LE(at + 4);
    if (id === 0) continue;
    const blob = blobAt(bytes, bytes.readUInt32LE(at + 8) * blockSize, id);
    left -= blob.length;
    if (left < 0) throw new UnreadableDatabase("its packages lie upon each other");
    yield blob;
  }
}

function blobAt(bytes: Buffer, at: number, id: number): Buffer {
  if (!startsWith(bytes, at, magics.blobHead) || bytes.readUInt32LE(at + 4) !== id) {
    throw new UnreadableDatabase("a package is not where its list says");
  }
  const length = bytes.readUInt32LE(at + 12);
  const tail = at + Math.ceil((blobHeadSize + length + blobTailSize) / blockSize) * blockSize - blobTailSize;
  if (tail + blobTailSize > bytes.length || !startsWith(bytes, tail + 8, magics.blobTail)) {
    throw new UnreadableDatabase("a package has no end");
  }
  return bytes.subarray(at + blobHeadSize, at + blobHeadSize + length);
}

function startsWith(bytes: Buffer, at: number, magic: string): boolean {
  return bytes.toString("latin1", at, at + 4) === magic;
}
