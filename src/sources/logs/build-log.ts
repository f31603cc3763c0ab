import type { Api } from "../../cluster/api/api.ts";
import { ApiError } from "../../cluster/api/api-error.ts";
import { isPassing, type Patience, retrying } from "../../cluster/api/retrying.ts";
import type { NamedBuild } from "../../core/builds/build.ts";
import type { BuildSource } from "../build-source.ts";
import { readParts } from "./parts.ts";

export interface LogReader {
  readonly api: Api;
  readonly patience: Patience;
  /** Milliseconds without a byte after which a log counts as broken. */
  readonly silence: number;
}

export interface LogTailReader extends LogReader {
  /** Milliseconds after which reading a log stops; what was read is used. */
  readonly timeLimit: number;
}

/** A server that restarts is back after some of them. */
const attempts = 8;

/**
 * Reads the last bytes of a log, or the last ones so far if it does not end in time. No job fails because of a log: the answer is undefined if the log is
 * gone, forbidden, empty, or unreadable in several attempts. `onCut` is told what is missing because of the time or the server. Rejects only if the
 * signal fires, with its reason.
 */
export async function readBuildLog(
  { api, patience, silence, timeLimit }: LogTailReader,
  source: BuildSource,
  build: NamedBuild,
  maximumBytes: number,
  signal: AbortSignal,
  onCut: (what: string) => void = () => {},
): Promise<string | undefined> {
  const late = new AbortController();
  const ending = AbortSignal.any([signal, late.signal]);
  const cancel = patience.clock.schedule(timeLimit, () => late.abort());
  // If the first attempt hangs, there is still time for the second.
  const patiently = Math.min(silence, timeLimit / 2);
  let soFar = "";
  try {
    return (await retrying({ ...patience, attempts }, ending, read)) || undefined;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!late.signal.aborted && !(error instanceof ApiError)) throw error;
    const why = late.signal.aborted ? `it took longer than ${timeLimit / 1000} s` : (error as Error).message;
    const what = soFar === "" ? "could not be read" : "was not read to its end";
    if (late.signal.aborted || soFar !== "" || isPassing(error)) onCut(`The build log ${what}: ${why}.`);
    return soFar || undefined;
  } finally {
    cancel();
  }

  async function read(): Promise<string> {
    const { parts } = await source.findLog(api, build, false, ending);
    // If lines are very short, a little more is cut from the start.
    const tailLines = Math.ceil(maximumBytes / shortestLine);
    const pieces = untilBroken(readParts(api, parts, { tailLines }, patiently, ending));
    const text = await readTail(pieces.all, maximumBytes);
    const broken = pieces.broken();
    if (broken === undefined) return text;
    soFar = text || soFar;
    throw broken;
  }
}

/** Bytes. */
const shortestLine = 10;

/** A stream that ends where it breaks, and then says why. */
function untilBroken(chunks: AsyncIterable<Buffer>) {
  let broken: unknown;
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield* chunks;
    } catch (error) {
      broken = error;
    }
  }
  return { all: all(), broken: () => broken };
}

/** The last bytes of a stream as text that begins with a whole character. Keeps no more than those bytes in memory. */
export async function readTail(chunks: AsyncIterable<Buffer>, maximumBytes: number): Promise<string> {
  let ring = Buffer.alloc(0);
  let total = 0;

  function write(piece: Buffer): void {
    const needed = Math.min(total + piece.length, maximumBytes);
    if (ring.length < needed) ring = Buffer.concat([ring], Math.min(maximumBytes, Math.max(needed, 2 * ring.length)));
    const at = total % maximumBytes;
    const fitting = Math.min(piece.length, maximumBytes - at);
    piece.copy(ring, at, 0, fitting);
    piece.copy(ring, 0, fitting);
    total += piece.length;
  }

  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += maximumBytes) write(chunk.subarray(start, start + maximumBytes));
  }
  if (total <= maximumBytes) return textOf(ring.subarray(0, total), maximumBytes);
  const seam = total % maximumBytes;
  return textOf(wholeCharacters(Buffer.concat([ring.subarray(seam), ring.subarray(0, seam)])), maximumBytes);
}

/** Bytes that are not UTF-8 grow when they become text. The limit also applies to the text. */
function textOf(bytes: Buffer, maximumBytes: number): string {
  const text = bytes.toString("utf8");
  const again = Buffer.from(text, "utf8");
  return again.length <= maximumBytes ? text : wholeCharacters(again.subarray(-maximumBytes)).toString("utf8");
}

/** Drops the rest of a character that was cut: at most three bytes of the form 10xxxxxx. */
function wholeCharacters(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}
