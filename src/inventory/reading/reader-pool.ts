import { Worker } from "node:worker_threads";
import { threadEnvironment } from "../thread-environment.ts";
import type { FromReader, OfTask, ToReader } from "./messages.ts";

/** A reader used up its time or memory, or crashed. The message is for people. */
export class ReaderError extends Error {
  override readonly name = "ReaderError";
}

export interface Reader {
  readonly worker: Worker;
  /** Called for every message, and at the thread's end. */
  listen(heard: (message: OfTask | ReaderError) => void): void;
  send(message: ToReader, transfer?: readonly ArrayBuffer[]): void;
  idle?: NodeJS.Timeout;
  /** Ends what it does, for a reason for people. */
  fail(reason: string): void;
  /** Whether its source is silent. */
  isHungry: boolean;
  /** Whether it holds a lot of memory while it waits. */
  isHeavy: boolean;
}

/** A number of threads, started when they are needed. */
export interface ReaderPool {
  /** Works with a thread of its own. After a failure the thread is ended. */
  withReader<T>(signal: AbortSignal, act: (reader: Reader) => Promise<T>): Promise<T>;
  /** Notes whether a reader's source is silent. Then others need not wait for it: another takes its place, or it gives way if it holds much memory. */
  note(reader: Reader, change: Partial<Pick<Reader, "isHungry" | "isHeavy">>): void;
  close(): Promise<void>;
}

/** Milliseconds after which an idle thread is ended. */
const idleTime = 10_000;
/** How many threads may be there in place of those with a silent source, which hold little. Any registry can be silent. */
const spareThreads = 6;
/** Megabytes for what a reader makes of the bytes. The bytes themselves have their own limits. */
const heapLimit = 256;
/** Megabytes for new objects. A small space is cleared often, together with unused buffers. */
const youngLimit = 4;

/** `threads` is how many read in parallel. While others wait, those whose source is silent do not count, or end if they hold much memory. */
export function createReaderPool(threads: number): ReaderPool {
  const free: Reader[] = [];
  const all = new Set<Reader>();
  const line = createLine();
  let isClosed = false;

  return {
    withReader,
    note,
    async close() {
      isClosed = true;
      await Promise.all([...all].map(end));
    },
  };

  function note(reader: Reader, change: Partial<Pick<Reader, "isHungry" | "isHeavy">>): void {
    Object.assign(reader, change);
    if (active(all) > threads) failGreedy(all);
    if (reader.isHungry) line.next();
  }

  async function withReader<T>(signal: AbortSignal, act: (reader: Reader) => Promise<T>): Promise<T> {
    const reader = await take(signal);
    try {
      const answer = await act(reader);
      giveBack(reader);
      return answer;
    } catch (error) {
      // It can still be busy with work that is no longer needed.
      await end(reader);
      throw error;
    } finally {
      line.next();
    }
  }

  async function take(signal: AbortSignal): Promise<Reader> {
    while (free.length === 0 && !hasRoom(all, threads)) {
      failGreedy(all);
      await line.wait(signal);
    }
    signal.throwIfAborted();
    const reader = free.pop() ?? start();
    clearTimeout(reader.idle);
    return reader;
  }

  function start(): Reader {
    if (isClosed) throw new ReaderError("the readers were closed");
    const reader = startReader(
      () => forget(reader),
      (isHeavy) => note(reader, { isHeavy }),
    );
    all.add(reader);
    return reader;
  }

  function giveBack(reader: Reader): void {
    if (!all.has(reader)) return;
    reader.isHungry = false;
    free.push(reader);
    reader.idle = setTimeout(() => void end(reader), idleTime).unref();
  }

  function forget(reader: Reader): void {
    all.delete(reader);
    if (free.includes(reader)) free.splice(free.indexOf(reader), 1);
  }

  async function end(reader: Reader): Promise<void> {
    forget(reader);
    clearTimeout(reader.idle);
    await reader.worker.terminate();
  }
}

function hasRoom(all: ReadonlySet<Reader>, threads: number): boolean {
  return active(all) < threads && all.size < threads + spareThreads;
}

/** How many readers take a place of their own. */
function active(all: ReadonlySet<Reader>): number {
  return [...all].filter(({ isHungry, isHeavy }) => !isHungry || isHeavy).length;
}

/** Ends a reader with a silent source that holds much memory: with one more in its place, their memory would add up. */
function failGreedy(all: ReadonlySet<Reader>): void {
  const greedy = [...all].find(({ isHungry, isHeavy }) => isHungry && isHeavy);
  greedy?.fail("its registry sends it too slowly, and other images need the memory that it takes");
}

/** Those who wait for a thread, in order. */
function createLine() {
  const queue: (() => void)[] = [];
  const next = () => queue.shift()?.();
  return {
    next,
    async wait(signal: AbortSignal): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      queue.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      const index = queue.indexOf(resolve);
      if (index >= 0) queue.splice(index, 1);
      if (signal.aborted) next();
      signal.throwIfAborted();
    },
  };
}

function startReader(ended: () => void, weighed: (isHeavy: boolean) => void): Reader {
  const file = new URL(import.meta.url.endsWith(".ts") ? "./reader-thread.ts" : "./reader-thread.js", import.meta.url);
  const resourceLimits = { maxOldGenerationSizeMb: heapLimit, maxYoungGenerationSizeMb: youngLimit };
  const worker = new Worker(file, { env: threadEnvironment(), stdout: true, stderr: true, resourceLimits });
  let heard: ((message: OfTask | ReaderError) => void) | undefined;
  worker.on("message", (message: FromReader) => {
    if (message.kind === "holds") weighed(message.isHeavy);
    else heard?.(message);
  });
  worker.on("error", (error: Error & { code?: string }) => {
    const what =
      error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "it takes more memory than is allowed" : `its reader broke (${error.message})`;
    heard?.(new ReaderError(what));
  });
  worker.on("exit", () => {
    ended();
    heard?.(new ReaderError("its reader ended"));
  });
  worker.unref();
  return {
    worker,
    isHungry: false,
    isHeavy: false,
    fail: (reason) => heard?.(new ReaderError(reason)),
    listen(to) {
      heard = to;
    },
    send: (message, transfer = []) => worker.postMessage(message, transfer),
  };
}
