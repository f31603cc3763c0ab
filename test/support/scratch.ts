import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Memory that a run of all tests takes at most, in bytes, with much to spare. */
const needed = 4 * 1024 ** 3;

/** Where the tests keep their files: in memory where there is room, since ledgers wait for the disk at every step. */
export function openScratch(): string {
  return mkdtempSync(join(hasRoom("/dev/shm") ? "/dev/shm" : tmpdir(), "bw-"));
}

export function removeScratch(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}

function hasRoom(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize > needed;
  } catch {
    return false;
  }
}
