import { Worker } from "node:worker_threads";
import { threadEnvironment } from "../thread-environment.ts";
import type { FromReader, ReaderTasks, TaskName, ToReader } from "./messages.ts";

/** Threads that read outside data, so that it can neither block the bot nor make it crash. */
export interface Readers {
  /** Throws `ReaderError` if the reader stopped. */
  ask<Name extends Exclude<TaskName, "layer">>(
    task: Name,
    ask: ReaderTasks[Name]["ask"],
    signal: AbortSignal,
  ): Promise<ReaderTasks[Name]["answer"]>;
  /** Reads a layer from its packed bytes and frees their memory meanwhile. Throws `ReaderError`, and errors of the source. */
  readLayer(bytes: AsyncIterable<Buffer>, signal: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A reader used up its time or memory, or crashed. The message is for people. */
export class ReaderError extends Error {
  override readonly name = "ReaderError";
}

export interface ReadersSettings {
  /** How many threads read in parallel. */
  readonly threads: number;
  /** Milliseconds that a reader can spend on one block or task. */
  readonly patience: number;
}

/** Bytes: the system's allocator reuses blocks of this size. Larger ones make the process grow. */
const blockSize = 64 * 1024;
/** How many blocks are sent before the reader takes the first. */
const ahead = 4;
/** Megabytes for what a reader makes of the bytes. The bytes themselves have their own limits. */
const heapLimit = 512;
/** Megabytes for new objects. A small space is cleared often, together with unused buffers. */
const youngLimit = 4;
/** Milliseconds after which an idle thread is ended. */
const idleTime = 10_000;

interface Reader {
  readonly worker: Worker;
  /** Called for every message, and at the thread's end. */
  listen(heard: (message: FromReader | ReaderError) => void): void;
  send(message: ToReader, transfer?: readonly ArrayBuffer[]): void;
  idle?: NodeJS.Timeout;
}

export function createReaders({ threads, patience }: ReadersSettings): Readers {
  const free: Reader[] = [];
  const all = new Set<Reader>();
  const queue: (() => void)[] = [];
  let isClosed = false;

  return {
    ask: (task, ask, signal) =>
      withReader(signal, (reader) => run(reader, { kind: task, ask } as ToReader, undefined, patience, signal)),
    readLayer: (bytes, signal) =>
      withReader(signal, (reader) => run(reader, { kind: "layer", ask: {} }, bytes, patience, signal)),
    async close() {
      isClosed = true;
      await Promise.all([...all].map(end));
    },
  };

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
      queue.shift()?.();
    }
  }

  async function take(signal: AbortSignal): Promise<Reader> {
    while (free.length === 0 && all.size >= threads) {
      const { promise, resolve } = Promise.withResolvers<void>();
      queue.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      const index = queue.indexOf(resolve);
      if (index >= 0) queue.splice(index, 1);
      if (signal.aborted) queue.shift()?.();
      signal.throwIfAborted();
    }
    signal.throwIfAborted();
    const reader = free.pop() ?? start();
    clearTimeout(reader.idle);
    return reader;
  }

  function start(): Reader {
    if (isClosed) throw new ReaderError("the readers were closed");
    const reader = startReader(() => {
      all.delete(reader);
      if (free.includes(reader)) free.splice(free.indexOf(reader), 1);
    });
    all.add(reader);
    return reader;
  }

  function giveBack(reader: Reader): void {
    if (!all.has(reader)) return;
    free.push(reader);
    reader.idle = setTimeout(() => void end(reader), idleTime).unref();
  }

  async function end(reader: Reader): Promise<void> {
    all.delete(reader);
    if (free.includes(reader)) free.splice(free.indexOf(reader), 1);
    clearTimeout(reader.idle);
    await reader.worker.terminate();
  }
}

function startReader(ended: () => void): Reader {
  const file = new URL(import.meta.url.endsWith(".ts") ? "./reader-thread.ts" : "./reader-thread.js", import.meta.url);
  const resourceLimits = { maxOldGenerationSizeMb: heapLimit, maxYoungGenerationSizeMb: youngLimit };
  const worker = new Worker(file, { env: threadEnvironment(), stdout: true, stderr: true, resourceLimits });
  let heard: ((message: FromReader | ReaderError) => void) | undefined;
  worker.on("message", (message: FromReader) => heard?.(message));
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
    listen(to) {
      heard = to;
    },
    send: (message, transfer = []) => worker.postMessage(message, transfer),
  };
}

/** A task and its blocks. */
function run<T>(
  reader: Reader,
  task: ToReader,
  bytes: AsyncIterable<Buffer> | undefined,
  patience: number,
  signal: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let sent = 0;
    let took = 0;
    let isSettled = false;
    let timer: NodeJS.Timeout | undefined;
    let room = Promise.withResolvers<void>();
    const abort = () => settle(() => reject(signal.reason));

    reader.listen((message) => {
      if (message instanceof ReaderError) return settle(() => reject(message));
      if (message.kind === "answer") return settle(() => resolve(message.answer as T));
      if (message.kind === "failed") return settle(() => reject(new ReaderError(message.message)));
      took++;
      watch();
      room.resolve();
    });
    signal.addEventListener("abort", abort, { once: true });
    reader.worker.ref();
    reader.send(task);
    if (bytes) feed(bytes).catch((error) => settle(() => reject(error)));
    else watch();

    /** While the reader is idle, it waits for more bytes. */
    function watch(isDue = !bytes): void {
      clearTimeout(timer);
      if (!isDue && sent === took) return;
      timer = setTimeout(() => settle(() => reject(new ReaderError("it takes more time than is allowed"))), patience);
    }

    async function feed(from: AsyncIterable<Buffer>): Promise<void> {
      for await (const block of inBlocks(from)) {
        while (sent - took >= ahead && !isSettled) {
          room = Promise.withResolvers<void>();
          await room.promise;
        }
        if (isSettled) return;
        sent++;
        reader.send({ kind: "block", bytes: block }, [block.buffer]);
        if (sent - took === 1) watch();
      }
      if (isSettled) return;
      reader.send({ kind: "end" });
      watch(true);
    }

    function settle(act: () => void): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      reader.listen(() => undefined);
      reader.worker.unref();
      isSettled = true;
      room.resolve();
      act();
    }
  });
}

/** Blocks with memory of their own, which can be transferred. */
async function* inBlocks(chunks: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let block = new Uint8Array(blockSize);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(chunk.length - at, blockSize - filled);
      block.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < blockSize) continue;
      yield block;
      block = new Uint8Array(blockSize);
      filled = 0;
    }
    free(chunk);
  }
  if (filled > 0) yield block.slice(0, filled);
}

/** Frees the memory of a chunk at once, if it has its own. Gigabytes pass here, too many to wait for the garbage collector. */
function free({ buffer, byteOffset, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && length === buffer.byteLength) buffer.transfer(0);
}
