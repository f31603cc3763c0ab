import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../../core/clock.ts";
import { JobError, SetupError } from "../../../core/jobs/errors.ts";
import type { DatabaseSource } from "../../../postgres/index.ts";
import { QuestionError } from "../../inventory.ts";
import { threadEnvironment } from "../../thread-environment.ts";
import type { PackageStore } from "../package-store.ts";
import type { SqliteStore } from "./sqlite-store.ts";
import type { StoreCall, StoreFailure, StoreReply, StoreThreadSettings } from "./store-thread.ts";

export interface ThreadStoreSettings {
  /** Where the file is. Created if it is missing, with access for its owner only. */
  readonly directory: string;
  /** The database that keeps images and their packages for all replicas. What was read of layers stays in the file. */
  readonly database?: DatabaseSource | undefined;
  /** Bytes that the cache of layers can hold. */
  readonly layerCache: number;
  readonly clock: Clock;
}

/**
 * Opens the store in its own thread: an SQLite file next to the ledger, or a database. Throws `SetupError`. While the database cannot be reached, calls
 * that need it reject with a `JobError`.
 */
export async function openThreadStore({ directory, layerCache, database, clock }: ThreadStoreSettings): Promise<PackageStore> {
  const file = join(directory, "packages.db");
  createPrivateFile(directory, file);
  const thread = startThread({ file, layerCache, database });
  const { call } = thread;
  try {
    await call("layer", "sha256:", clock.now());
  } catch (error) {
    throw new SetupError(
      `${file} cannot be used (${messageOf(error)}). It holds what was read of images: remove it, and they are read again.`,
    );
  }
  if (database) await thread.assertUsable();
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

function startThread(data: StoreThreadSettings) {
  const path = new URL(import.meta.url.endsWith(".ts") ? "./store-thread.ts" : "./store-thread.js", import.meta.url);
  const worker = new Worker(path, { env: threadEnvironment(), workerData: data });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  let gone: Error | undefined;

  worker.on("message", (reply: StoreReply) => {
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ("value" in reply) call?.resolve(reply.value);
    else call?.reject(errorOf(reply.failure));
  });
  worker.on("error", fail);
  worker.on("exit", () => fail(new Error("the store of packages was closed")));
  worker.unref();
  return { call, close, assertUsable };

  function call<Name extends keyof SqliteStore>(name: Name, ...values: Parameters<SqliteStore[Name]>): Promise<Answer<Name>> {
    if (gone) return Promise.reject(gone);
    const settled = Promise.withResolvers<unknown>();
    const id = ++last;
    waiting.set(id, settled);
    worker.ref();
    worker.postMessage({ id, name, values } satisfies StoreCall);
    return settled.promise as Promise<Answer<Name>>;
  }

  /** Creates the tables. A database that does not answer now is asked again when it is needed. */
  async function assertUsable(): Promise<void> {
    try {
      await call("isSettled", "sha256:");
    } catch (error) {
      if (error instanceof DatabaseUnusable && error.isSetup) {
        await close();
        throw new SetupError(error.message);
      }
    }
  }

  async function close(): Promise<void> {
    if (gone) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    await call("close");
    // Nobody waits for an answer any more, only for the thread's end.
    worker.ref();
    await ended;
  }

  function fail(error: unknown): void {
    gone ??= error instanceof Error ? error : new Error(String(error));
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
  }
}

/** The database cannot be used now. `isSetup`: a person has to change something. */
class DatabaseUnusable extends JobError {
  readonly isSetup: boolean;

  constructor({ kind, message }: StoreFailure) {
    super("DatabaseUnavailable", message);
    this.isSetup = kind === "setup";
  }
}

function errorOf(failure: StoreFailure): Error {
  if (failure.kind === "question") return new QuestionError(failure.message);
  return failure.kind === "other" ? new Error(failure.message) : new DatabaseUnusable(failure);
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
