import { constants, createZstdDecompress } from "node:zlib";

/** The largest window (RFC 8878, 3.1.1.1.2), as a power of two: 32 MiB is the most that builders of images use. */
const params = { [constants.ZSTD_d_windowLogMax]: 25 };

/**
 * Unpacks Zstandard with any number of frames, including those to skip (RFC 8878, 3.1). Node's decompressor stops after one frame, but layers made for
 * lazy pulling have a frame for each file. Throws if the bytes are damaged.
 */
export async function* unzstd(source: AsyncIterable<Buffer>, chunkSize: number): AsyncGenerator<Buffer> {
  const input = source[Symbol.asyncIterator]();
  for (let rest: Buffer | undefined = await nextOf(input); rest; ) {
    const frame = decodeFrames(input, rest, chunkSize);
    for (;;) {
      const { value, done } = await frame.next();
      if (done) {
        rest = value;
        break;
      }
      yield value;
    }
    rest ??= await nextOf(input);
  }
}

/** Yields unpacked bytes until the decompressor ends, and returns the input that it left. */
async function* decodeFrames(
  input: AsyncIterator<Buffer>,
  first: Buffer,
  chunkSize: number,
): AsyncGenerator<Buffer, Buffer | undefined> {
  const decoder = createZstdDecompress({ chunkSize, params });
  let fed = 0;
  let last: Buffer = first;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  decoder.once("close", end).once("end", end);
  /** One chunk at a time, so that the rest belongs to the last one. */
  async function feed(): Promise<void> {
    for (let chunk: Buffer | undefined = first; chunk; chunk = await nextOf(input)) {
      last = chunk;
      fed += chunk.length;
      await Promise.race([new Promise<void>((written) => void decoder.write(last, () => written())), ended]);
      // It leaves bytes only when it has ended.
      if (decoder.bytesWritten < fed || decoder.destroyed) return;
    }
    decoder.end();
  }
  const feeding = feed();
  feeding.catch((error) => decoder.destroy(error));
  for await (const bytes of decoder) yield bytes;
  await feeding;
  const left = fed - decoder.bytesWritten;
  return left > 0 ? last.subarray(last.length - left) : undefined;
}

async function nextOf(input: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  const { value, done } = await input.next();
  return done ? undefined : value;
}
