import { platform, setPriority } from "node:os";
import { threadCpuUsage } from "node:process";
import { getHeapStatistics } from "node:v8";
import { parentPort } from "node:worker_threads";
import { describeDocument } from "../describe-document.ts";
import { assembleImage } from "../layers/assemble.ts";
import { type LayerContents, packContents, unpackContents } from "../layers/contents.ts";
import { describeManifest } from "../layers/manifest.ts";
import { readLayer } from "../layers/read-layer.ts";
import { packContent, summarize } from "../store/sqlite/packed-content.ts";
import type { AssembleParts, FromReader, ReadContent, ToReader } from "./messages.ts";

/** The thread that unpacks and parses outside data, one task at a time. */
const port = parentPort;
let blocks: BlockQueue | undefined;

/** A low priority: reading can wait, the watch of the cluster cannot. On Linux it applies only to this thread (setpriority(2)). */
const politeness = 10;
if (platform() === "linux") setPriority(politeness);

port?.on("message", (message: ToReader) => {
  if (message.kind === "block") blocks?.push(taken(message.bytes));
  else if (message.kind === "end") blocks?.push(undefined);
  else void perform(message);
});

async function perform(message: Exclude<ToReader, { kind: "block" | "end" }>): Promise<void> {
  try {
    reply({ kind: "answer", answer: await answerTo(message) });
  } catch (error) {
    reply({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

function answerTo(message: Exclude<ToReader, { kind: "block" | "end" }>): unknown {
  if (message.kind === "describe") return describeManifest(message.ask.mediaType, asBuffer(message.ask.bytes));
  if (message.kind === "document") return describeDocument(asBuffer(message.ask.bytes));
  if (message.kind === "layer") return takeLayer();
  return assemble(message.ask);
}

async function takeLayer(): Promise<Uint8Array> {
  const queue = createBlockQueue();
  blocks = queue;
  const contents = await readLayer(queue.blocks(), {}, spent);
  // The sender checks what follows the archive's end.
  for await (const _ of queue.blocks());
  return packContents(contents);
}

/** Bytes above which a thread that waits holds a lot. An empty one has 11 MB, and one that reads small files some 35 MB. */
const heavy = 48 * 1024 * 1024;
let wasHeavy = false;

function tellWeight(): void {
  const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics();
  const isHeavy = heap + buffers > heavy;
  if (isHeavy !== wasHeavy) reply({ kind: "holds", isHeavy });
  wasHeavy = isHeavy;
}

/** This thread's processor time in milliseconds. */
function spent(): number {
  const { user, system } = threadCpuUsage();
  return (user + system) / 1_000;
}

function assemble({ digest, config, layers, contents, reasons }: AssembleParts): ReadContent {
  // The same layer can be there many times.
  const known = new Map<Uint8Array, LayerContents>();
  for (const bytes of contents) if (bytes && !known.has(bytes)) known.set(bytes, unpackContents(asBuffer(bytes)));
  const unpacked = contents.map((bytes) => bytes && known.get(bytes));
  const content = assembleImage({ digest, config: asBuffer(config), layers, contents: unpacked, reasons });
  return { packed: packContent(content), summary: summarize(content) };
}

/** Copies the bytes into this thread's memory. The collector does not count memory of other threads, so it would pile up. */
function taken(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  (bytes.buffer as ArrayBuffer).transfer(0);
  return own;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function reply(message: FromReader): void {
  port?.postMessage(message);
}

interface BlockQueue {
  /** Undefined ends it. */
  push(block: Buffer | undefined): void;
  /** The blocks that were not taken yet. Can be called again. */
  blocks(): AsyncIterable<Buffer>;
}

function createBlockQueue(): BlockQueue {
  const waiting: Buffer[] = [];
  let hasEnded = false;
  let wake = Promise.withResolvers<void>();
  return {
    push(block) {
      if (block) waiting.push(block);
      else hasEnded = true;
      wake.resolve();
    },
    // The iterator has no `return`, so that after an early stop the rest is still there.
    blocks: () => ({ [Symbol.asyncIterator]: () => ({ next }) }),
  };

  async function next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      const block = waiting.shift();
      if (block) {
        reply({ kind: "took" });
        return { value: block, done: false };
      }
      if (hasEnded) return { value: undefined, done: true };
      tellWeight();
      wake = Promise.withResolvers<void>();
      await wake.promise;
    }
  }
}
