import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedQueueSettings, openEmbeddedQueue } from "../../src/queue/index.ts";
import type { JobQueue } from "../../src/queue/job-queue.ts";
import { putEmptyLedger } from "../support/empty-ledger.ts";
import { fakeClock, settle } from "../support/fake-clock.ts";
import type { QueueStorage } from "./job-queue.contract.ts";

/** A directory of its own, removed by `dispose`. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "build-watcher-queue-"));
}

export interface EmbeddedStorage extends QueueStorage {
  /** The directory the next queue is opened on. */
  directory(): string;
}

/** Storage for the embedded queue; randomness is fixed, so that a failing test fails again. */
export function embeddedStorage(overrides: Partial<EmbeddedQueueSettings> = {}): EmbeddedStorage {
  const clock = fakeClock();
  const root = temporaryDirectory();
  const queues: JobQueue[] = [];
  let lives = 0;
  const directory = () => join(root, `state-${lives}`);

  function opened(exclusive: boolean, options: { workers: number; jobTimeout: number; giveUpAfter: number }): JobQueue {
    const settings = { ...options, clock, random: () => 0.5, synchronous: "normal" as const, exclusive };
    if (!existsSync(join(directory(), "ledger.db"))) putEmptyLedger(directory());
    const queue = openEmbeddedQueue({ directory: directory(), ...settings, ...overrides });
    queues.push(queue);
    return queue;
  }

  async function close(queue: JobQueue): Promise<void> {
    const closed = queue.close();
    await clock.advance(60_000);
    await closed;
  }

  return {
    clock,
    settle,
    directory,
    open: async (options) => opened(true, options),
    openBeside: async () => opened(false, { workers: 1, jobTimeout: 1, giveUpAfter: 1 }),
    async crash() {
      const left = directory();
      lives += 1;
      // What lies on the disk at this moment is what the end of the process would leave; the old queue goes on in the old directory.
      for (const name of ["ledger.db", "ledger.db-wal"]) {
        if (existsSync(join(left, name))) cpSync(join(left, name), join(directory(), name));
      }
      await Promise.all(queues.splice(0).map((queue) => queue.close()));
    },
    async dispose() {
      await Promise.all(queues.map(close));
      rmSync(root, { recursive: true });
    },
  };
}
