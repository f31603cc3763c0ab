import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../core/clock.ts";
import { SetupError } from "../../core/errors.ts";
import { QuestionError } from "../inventory.ts";
import type { PackageStore } from "./package-store.ts";
import type { SqliteStore } from "./sqlite-store.ts";
import type { StoreCall, StoreReply } from "./store-thread.ts";

export interface ThreadStoreSettings {
  /** Where the file lies; made for its owner alone when it is missing. */
  readonly directory: string;
  /** Bytes of layers that are remembered. */
  readonly layerCache: number;
  readonly clock: Clock;
}

/** Opens the store in a SQLite file beside the ledger, in a thread of its own. Throws `SetupError`. */
export async function openThreadStore({ directory, layerCache, clock }: ThreadStoreSettings): Promise<PackageStore> {
  const file = join(directory, "packages.db");
  createPrivateFile(directory, file);
  const thread = startThread({ file, layerCache });
  const { call } = thread;
  try {
    await call("isSettled", "sha256:");
  } catch (error) {
    throw new SetupError(
      `${file} cannot be used (${messageOf(error)}). It holds what was read of images: remove it, and they are read again.`,
    );
  }
  return {
    layer: (digest) => call("layer", digest, clock.now()),
    keepLayer: (digest, contents) => call("keepLayer", digest, contents, clock.now()),
    keepImage: (image, contents, isSettled) => call("keepImage", image, contents, isSettled, clock.now()),
    isSettled: (image) => call("isSettled", image),
    find: (question, limit) => call("find", question, limit),
    summary: (image) => call("summary", image),
    coverage: () => call("coverage"),
    packages: (image, limit) => call("packages", image, limit),
    compare: (before, after, limit) => call("compare", before, after, limit),
    document: (image, facts) => call("document", image, facts),
    images: (readBefore, after, limit) => call("images", readBefore, after, limit),
    forget: (images) => call("forget", images),
    close: thread.close,
  };
}

type Answer<Name extends keyof SqliteStore> = ReturnType<SqliteStore[Name]>;

function startThread(data: { file: string; layerCache: number }) {
  const path = new URL(import.meta.url.endsWith(".ts") ? "./store-thread.ts" : "./store-thread.js", import.meta.url);
  const worker = new Worker(path, { env: {}, workerData: data });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  let gone: Error | undefined;

  worker.on("message", (reply: StoreReply) => {
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ("value" in reply) call?.resolve(reply.value);
    else call?.reject(reply.isQuestion ? new QuestionError(reply.error) : new Error(reply.error));
  });
  worker.on("error", fail);
  worker.on("exit", () => fail(new Error("the store of packages was closed")));
  worker.unref();
  return { call, close };

  function call<Name extends keyof SqliteStore>(name: Name, ...values: Parameters<SqliteStore[Name]>): Promise<Answer<Name>> {
    if (gone) return Promise.reject(gone);
    const settled = Promise.withResolvers<unknown>();
    const id = ++last;
    waiting.set(id, settled);
    worker.ref();
    worker.postMessage({ id, name, values } satisfies StoreCall);
    return settled.promise as Promise<Answer<Name>>;
  }

  async function close(): Promise<void> {
    if (gone) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    await call("close");
    // Nothing waits for an answer any more, but for the thread's end.
    worker.ref();
    await ended;
  }

  function fail(error: unknown): void {
    gone ??= error instanceof Error ? error : new Error(String(error));
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
  }
}

/** An existing file is not opened: closing it would drop SQLite's locks. */
function createPrivateFile(directory: string, file: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw new SetupError(
      `${file} cannot be made (${messageOf(error)}). Set BUILD_WATCHER_STATE_DIR to a directory the bot may write.`,
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
