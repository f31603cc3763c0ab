import type { Findings } from "../databases/database.ts";
import { goAlignment, goLimit, goMagic, readGoBuildInfo } from "../databases/languages/go.ts";

/** Searches a program for build info while it is read, because nothing before it says where it is. */
export interface GoScanner {
  push(chunk: Buffer): void;
  /** What was found. Undefined for a program that Go did not build. Throws `UnreadableDatabase`. */
  end(): Findings | undefined;
}

/** How many bytes distinguish build info from bytes that only look like it. */
const headSize = 32 + 64;

export function createGoScanner(): GoScanner {
  let window: Buffer = Buffer.alloc(0);
  let offset = 0;
  let found: Buffer[] | undefined;
  let size = 0;

  return {
    push(chunk) {
      if (found) {
        if (size < goLimit) found.push(Buffer.from(chunk));
        size += chunk.length;
        return;
      }
      window = window.length > 0 ? Buffer.concat([window, chunk]) : chunk;
      search(headSize);
    },
    end() {
      if (!found) search(0);
      return found && readGoBuildInfo(Buffer.concat(found));
    },
  };

  /** If too few bytes follow, the same place is checked again with the next chunk. */
  function search(needed: number): void {
    let at = window.indexOf(goMagic);
    while (at >= 0 && at + needed <= window.length) {
      if ((offset + at) % goAlignment === 0 && isBuildInfo(window.subarray(at))) {
        found = [Buffer.from(window.subarray(at))];
        size = found[0]?.length ?? 0;
        return;
      }
      at = window.indexOf(goMagic, at + 1);
    }
    const kept = at >= 0 ? at : Math.max(0, window.length - goMagic.length);
    offset += kept;
    window = Buffer.from(window.subarray(kept));
  }
}

/** Checks the head: the size of a pointer and, since Go 1.18, the version's text. */
function isBuildInfo(head: Buffer): boolean {
  const [pointerSize, flags] = [head[14] ?? 0, head[15] ?? 0];
  if ((flags & 2) === 0) return (pointerSize === 4 || pointerSize === 8) && flags <= 1;
  const version = head.toString("latin1", 33, 33 + 5);
  return version.startsWith("go") || version === "devel";
}
