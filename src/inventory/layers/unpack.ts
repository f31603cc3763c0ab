import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { unzstd } from "./unzstd.ts";

const chunkSize = 128 * 1024;

/** Unpacks a layer's tar archive from any compression. The bytes show which, not the manifest. Throws if they are damaged. */
export async function* unpackLayer(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { first, all } = await peek(packed);
  if (first.length === 0) return;
  if (first[0] === 0x1f && first[1] === 0x8b) yield* gunzip(all);
  else if (isZstd(first)) yield* unzstd(all, chunkSize);
  else if (first.toString("latin1", 0, 6) === "\xfd7zXZ\0") throw new Error("it is packed with xz");
  else if (first.toString("latin1", 0, 3) === "BZh") throw new Error("it is packed with bzip2");
  else yield* all;
}

/** Gzip, also with several members. When the reader stops, the source is closed. */
async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const decoder = createGunzip({ chunkSize });
  const feeding = pipeline(Readable.from(source), decoder);
  feeding.catch(() => undefined);
  yield* decoder;
  await feeding;
}

/** A frame, or one to skip, with which zstd:chunked layers can start. */
function isZstd(bytes: Buffer): boolean {
  const magic = bytes.length >= 4 ? bytes.readUInt32LE(0) : 0;
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5;
}

/** The first bytes, enough to recognize the format, and the whole stream. */
async function peek(source: AsyncIterable<Buffer>): Promise<{ first: Buffer; all: AsyncGenerator<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]();
  let first: Buffer = Buffer.alloc(0);
  while (first.length < 16) {
    const { value, done } = await iterator.next();
    if (done) break;
    first = Buffer.concat([first, value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    if (first.length > 0) yield first;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { first, all: all() };
}
