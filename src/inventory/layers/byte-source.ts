/** Bytes that are taken in pieces of any size. */
export interface ByteSource {
  /** So many bytes, or fewer at the end. */
  take(size: number): Promise<Buffer>;
  /** Hands on so many bytes as they come. Answers how many are missing at the end. */
  pass(size: number, use?: (piece: Buffer) => void): Promise<number>;
  /** Asks the source to stop, and does not wait for it: it can be waiting for bytes itself. */
  close(): void;
}

export function createByteSource(chunks: AsyncIterable<Buffer>): ByteSource {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);

  return {
    async take(size) {
      const parts: Buffer[] = [];
      const missing = await pass(size, (piece) => void parts.push(piece));
      const [first] = parts;
      return first && missing === 0 && parts.length === 1 ? first : Buffer.concat(parts);
    },
    pass,
    close: () => void iterator.return?.().catch(() => undefined),
  };

  async function pass(size: number, use?: (piece: Buffer) => void): Promise<number> {
    let missing = size;
    while (missing > 0) {
      if (rest.length === 0) {
        const { value, done } = await iterator.next();
        if (done) return missing;
        rest = value;
      }
      const piece = rest.subarray(0, missing);
      rest = rest.subarray(piece.length);
      missing -= piece.length;
      use?.(piece);
    }
    return 0;
  }
}
