import { join } from "node:path";
import type { Config } from "../config/options.ts";
import type { Clock } from "../core/clock.ts";
import type { Backoff } from "../core/retry.ts";
import { openEmbeddedQueue } from "../queue/index.ts";
import type { JobQueue, QueuedWork } from "../queue/job-queue.ts";

/** What a queue is for: jobs, questions how analyses go, notifications. */
export type QueueName = "submit" | "follow" | "notify";

export interface QueueNeeds<Work extends QueuedWork> {
  readonly workers: number;
  readonly perTenant?: number | undefined;
  readonly isSlow?: ((work: Work) => boolean) | undefined;
  readonly jobTimeout: number;
  readonly giveUpAfter: number;
  readonly backoff?: Backoff;
  readonly clock: Clock;
}

/** Opens the bot's queues, all in one place. */
export interface Queues {
  open<Work extends QueuedWork, Result>(name: QueueName, needs: QueueNeeds<Work>): Promise<JobQueue<Work, Result>>;
}

/**
 * Queues in files of a directory. Those that are made again from the jobs' records survive the end of the process, not a power cut. Opening throws
 * `LedgerError`.
 */
export function queuesIn(directory: string): Queues {
  return {
    async open(name, needs) {
      if (name === "submit") return openEmbeddedQueue({ ...needs, directory });
      return openEmbeddedQueue({ ...needs, directory: join(directory, name), synchronous: "normal" });
    },
  };
}

/** The queue of jobs beside bots that may be working on it, to look and to correct. */
export async function openJobsBeside({ stateDirectory: directory, ...config }: Config): Promise<JobQueue & AsyncDisposable> {
  const { jobTimeout, giveUpAfter, workers } = config;
  const queue = openEmbeddedQueue({ directory, workers, jobTimeout, giveUpAfter, exclusive: false });
  return { ...queue, [Symbol.asyncDispose]: () => queue.close() };
}
