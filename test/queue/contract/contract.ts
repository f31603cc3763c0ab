import { afterEach, beforeEach } from "vitest";
import type { JobQueue } from "../../../src/queue/job-queue.ts";
import type { FakeClock } from "../../support/fake-clock.ts";

export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;

export interface QueueOptions {
  readonly workers: number;
  readonly jobTimeout: number;
  readonly giveUpAfter: number;
  readonly perTenant?: number;
}

/** Durable storage of its own for one test, and a clock that all queues opened on it share. */
export interface QueueStorage {
  readonly clock: FakeClock;
  /** Lets what was set off come to rest, as far as it does without the passing of time. */
  settle(): Promise<void>;
  /** Opens a queue on what the storage holds. */
  open(options: QueueOptions): Promise<JobQueue>;
  /** Opens the same storage beside a queue that works on it, as the command line does. */
  openBeside(): Promise<JobQueue>;
  /** Leaves the storage as the sudden end of the process would, and the queue without effect on it. */
  crash(queue: JobQueue): Promise<void>;
  /** Releases everything. */
  dispose(): Promise<void>;
}

/** What the chapters of the suite work with: new storage for each test. */
export interface Contract {
  readonly clock: FakeClock;
  storage(): QueueStorage;
  settle(): Promise<void>;
  open(options?: Partial<QueueOptions>): Promise<JobQueue>;
  reopen(queue: JobQueue): Promise<JobQueue>;
  /** Lets the clock run until a condition holds, which is looked at once a second or step; fails when it does not within twelve hours. */
  until(condition: () => boolean | Promise<boolean>, step?: number): Promise<void>;
}

const defaults: QueueOptions = { workers: 2, jobTimeout: 15 * minute, giveUpAfter: 72 * hour };

/** Gives each test storage of its own, and releases it. */
export function useStorage(createStorage: () => Promise<QueueStorage>): Contract {
  let current: QueueStorage | undefined;

  beforeEach(async () => {
    current = await createStorage();
  });
  afterEach(() => current?.dispose());

  function storage(): QueueStorage {
    if (!current) throw new Error("There is storage only while a test runs");
    return current;
  }

  const clock: FakeClock = {
    now: () => storage().clock.now(),
    schedule: (milliseconds, run) => storage().clock.schedule(milliseconds, run),
    advance: (milliseconds) => storage().clock.advance(milliseconds),
    set: (time) => storage().clock.set(time),
    pending: () => storage().clock.pending(),
  };
  const open = (options: Partial<QueueOptions> = {}) => storage().open({ ...defaults, ...options });

  return {
    clock,
    storage,
    settle: () => storage().settle(),
    open,
    async reopen(queue) {
      await queue.close();
      return open();
    },
    async until(condition, step = second) {
      for (let spent = 0; !(await condition()); spent += step) {
        if (spent > 12 * hour) throw new Error("the condition never held");
        await clock.advance(step);
      }
    },
  };
}
