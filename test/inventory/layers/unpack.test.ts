import { randomBytes } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unpackLayer } from "../../../src/inventory/layers/unpack.ts";

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpacked(bytes: Buffer, size = 1_000): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of unpackLayer(inChunks(bytes, size))) parts.push(part);
  return Buffer.concat(parts);
}

const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

describe("a layer", () => {
  it("is unpacked from gzip, also of several members, and from plain tar", async () => {
    const [first, second] = [randomBytes(30_000), Buffer.from("more".repeat(50_000))];
    const both = Buffer.concat([first, second]);
    expect(await unpacked(Buffer.concat([gzipSync(first), gzipSync(second)]))).toEqual(both);
    expect(await unpacked(both)).toEqual(both);
    expect(await unpacked(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
  });

  it("is unpacked from Zstandard of any frames, however they arrive", async () => {
    const frame = fc.oneof(fc.constant(skipped), fc.uint8Array({ maxLength: 5_000 }).map(Buffer.from));
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 700 }),
        async (frames, size) => {
          const packed = frames.map((bytes) => (bytes === skipped ? skipped : zstdCompressSync(bytes)));
          expect(await unpacked(Buffer.concat(packed), size)).toEqual(Buffer.concat(frames.filter((bytes) => bytes !== skipped)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("of a window larger than builders use is an error, and not memory", async () => {
    // One raw block of 3 bytes in a frame of any window (RFC 8878, 3.1.1).
    const frame = (power: number) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (power - 10) << 3, 0x19, 0, 0, 1, 2, 3]);
    expect(await unpacked(frame(25))).toEqual(Buffer.from([1, 2, 3]));
    for (const power of [26, 27, 31, 41]) await expect(unpacked(frame(power))).rejects.toThrow(/memory/);
  });

  it("that ends early, or is packed in an unknown way, is an error", async () => {
    const bytes = randomBytes(50_000);
    await expect(unpacked(gzipSync(bytes).subarray(0, 40_000))).rejects.toThrow();
    await expect(unpacked(zstdCompressSync(bytes).subarray(0, 40_000))).rejects.toThrow();
    await expect(unpacked(Buffer.from("\xfd7zXZ\0 and more of it", "latin1"))).rejects.toThrow("it is packed with xz");
  });
});
