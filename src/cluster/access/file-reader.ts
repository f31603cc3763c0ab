import { readFile, stat } from "node:fs/promises";

/** Reads a small file. Rejects as `readFile` does. */
export type ReadFile = (path: string) => Promise<Buffer>;

/** Nanoseconds after a change in which another one might not show: some file systems count time in seconds. */
const unsure = 2_000_000_000n;

/** A reader for files that are needed again and again. While a file does not change it is looked at, but not opened. */
export function createFileReader(): ReadFile {
  const known = new Map<string, { readonly mark: string; readonly bytes: Buffer }>();

  return async (path) => {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    const mark = [dev, ino, size, mtimeNs, ctimeNs].join();
    const last = known.get(path);
    if (last?.mark === mark) return last.bytes;
    const bytes = await readFile(path);
    if (BigInt(Date.now()) * 1_000_000n - ctimeNs > unsure) known.set(path, { mark, bytes });
    return bytes;
  };
}
