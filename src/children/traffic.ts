import { readFile } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";

/** Reports the progress of a process, by the bytes it reads and writes. */
export interface TrafficListener {
  /** It moves bytes. */
  moving(): void;
  /** It has moved nothing for this many milliseconds, at least a second; called repeatedly. `read` is the number of bytes it has read so far. */
  quiet(milliseconds: number, read: number): void;
}

interface Traffic {
  readonly read: number;
  readonly total: number;
}

const lookEvery = 500;
const quietAfter = 1_000;
/** Fewer bytes do not count as progress: Go's runtime writes some itself, and single bytes only keep a connection open. */
const leastBytes = 1_024;

/**
 * Watches a process until the returned function is called, by what it reads and writes in all, from sockets, too (`rchar` and `wchar` of
 * /proc/<pid>/io, proc(5)). Without /proc nothing is reported.
 */
export function watchTraffic(pid: number, clock: Clock, listener: TrafficListener): () => void {
  let moved: { readonly at: number; readonly total: number } = { at: clock.now(), total: 0 };
  let isOver = false;
  let cancel = clock.schedule(lookEvery, look);

  function look(): void {
    void readTraffic(pid).then((traffic) => {
      if (isOver || !traffic) return;
      judge(traffic, clock.now());
      if (!isOver) cancel = clock.schedule(lookEvery, look);
    });
  }

  function judge({ read, total }: Traffic, now: number): void {
    if (total - moved.total >= leastBytes) {
      moved = { at: now, total };
      listener.moving();
      return;
    }
    const silence = now - moved.at;
    if (silence >= quietAfter) listener.quiet(silence, read);
  }

  return () => {
    isOver = true;
    cancel();
  };
}

async function readTraffic(pid: number): Promise<Traffic | undefined> {
  const text = await readFile(`/proc/${pid}/io`, "utf8").catch(() => "");
  const [read, written] = [/^rchar: (\d+)$/m, /^wchar: (\d+)$/m].map((pattern) => Number(pattern.exec(text)?.[1]));
  return read === undefined || written === undefined || Number.isNaN(read + written)
    ? undefined
    : { read, total: read + written };
}
