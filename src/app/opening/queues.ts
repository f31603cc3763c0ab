import { hostname } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config/options.ts";
import type { Clock } from "../../core/clock.ts";
import { type Database, freshUrl, openDatabase } from "../../postgres/index.ts";
import { openEmbeddedQueue, openPostgresQueue } from "../../queue/index.ts";
import type { JobQueue, QueuedWork } from "../../queue/job-queue.ts";
import type { WorkSettings } from "../../queue/work-settings.ts";
import { databaseSource } from "../settings.ts";
import type { Surroundings } from "../surroundings.ts";

/** What a queue is for: jobs, questions how analyses go, notifications. */
type QueueName = "submit" | "follow" | "notify";

type QueueNeeds<Work extends QueuedWork> = WorkSettings<Work> & { readonly clock: Clock };

/** Opens the bot's queues, all in one place. */
export interface Queues {
  open<Work extends QueuedWork, Result>(name: QueueName, needs: QueueNeeds<Work>): Promise<JobQueue<Work, Result>>;
}

type Around = Pick<Surroundings, "environment" | "host">;

/**
 * Queues in the database that replicas share, where one is set; else in files of a directory, as those of a dry run always are. Opening one throws
 * `LedgerError`, or `DatabaseError` when a person has to fix something first.
 */
export function openQueues(config: Config, directory: string, around: Around, opened: AsyncDisposableStack): Queues {
  const source = config.dryRun ? undefined : databaseSource(config, around.environment);
  if (!source) return queuesIn(directory);
  const database = opened.adopt(openDatabase({ url: freshUrl(source) }), (part) => part.close());
  return queuesOn(database, replicaName(around));
}

/** Those that are made again from the jobs' records survive the end of the process, not a power cut. */
function queuesIn(directory: string): Queues {
  return {
    async open(name, needs) {
      if (name === "submit") return openEmbeddedQueue({ ...needs, directory });
      return openEmbeddedQueue({ ...needs, directory: join(directory, name), synchronous: "normal" });
    },
  };
}

function queuesOn(database: Database, replica: string): Queues {
  return { open: (queue, needs) => openPostgresQueue({ ...needs, database, queue, replica }) };
}

/** A pod's name is its host's; elsewhere several bots can share a host. */
function replicaName({ environment, host }: Around): string {
  return environment.KUBERNETES_SERVICE_HOST === undefined ? `${hostname()}-${host.pid}` : hostname();
}

/** The queue of jobs for reading and correcting it, also while bots work on it. */
export async function openJobsBeside(
  config: Config,
  environment: Surroundings["environment"],
): Promise<JobQueue & AsyncDisposable> {
  const { stateDirectory: directory, jobTimeout, giveUpAfter, workers } = config;
  const source = databaseSource(config, environment);
  const needs = { jobTimeout, giveUpAfter, workers, exclusive: false };
  if (!source) return disposable(openEmbeddedQueue({ ...needs, directory }));
  const database = openDatabase({ url: freshUrl(source) });
  try {
    const queue = await openPostgresQueue({ ...needs, database, queue: "submit" });
    return disposable(queue, () => database.close());
  } catch (error) {
    await database.close();
    throw error;
  }
}

function disposable(queue: JobQueue, then: () => Promise<void> = async () => undefined): JobQueue & AsyncDisposable {
  const close = async () => {
    await queue.close();
    await then();
  };
  return { ...queue, close, [Symbol.asyncDispose]: close };
}
