import { withHunger } from "./hunger.ts";
import type { ReaderTasks, TaskName, ToReader } from "./messages.ts";
import { createReaderPool, type Reader, ReaderError } from "./reader-pool.ts";

export { ReaderError };

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

export interface ReadersSettings {
  /** How many threads read in parallel. Those whose source is silent do not count, while others wait. */
  readonly threads: number;
  /** Milliseconds that a reader can spend on one block or task. */
  readonly patience: number;
}

/** Bytes: the system's allocator reuses blocks of this size. Larger ones make the process grow. */
const blockSize = 64 * 1024;
/** How many blocks are sent before the reader takes the first. */
const ahead = 4;

export function createReaders({ threads, patience }: ReadersSettings): Readers {
  const pool = createReaderPool(threads);
  return {
    ask: (task, ask, signal) =>
      pool.withReader(signal, (reader) => run(reader, { kind: task, ask } as ToReader, undefined, patience, signal)),
    readLayer: (bytes, signal) =>
      pool.withReader(signal, (reader) => {
        const fed = withHunger(bytes, (isHungry) => pool.note(reader, { isHungry }));
        return run(reader, { kind: "layer", ask: {} }, fed, patience, signal);
      }),
    close: pool.close,
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
