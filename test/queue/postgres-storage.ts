import { type Database, DatabaseError, migrate, openDatabase } from "../../src/postgres/index.ts";
import type { JobQueue } from "../../src/queue/job-queue.ts";
import { openPostgresQueue, type PostgresQueueSettings } from "../../src/queue/postgres/queue.ts";
import { queueSchema } from "../../src/queue/postgres/schema/index.ts";
import { fakeClock, settle } from "../support/fake-clock.ts";
import type { QueueStorage } from "./job-queue.contract.ts";

/** A database of the queue's, emptied for every test: that takes less time than a new one. */
export interface QueueDatabase {
  readonly database: Database;
  storage(overrides?: Partial<PostgresQueueSettings>): Promise<QueueStorage>;
  close(): Promise<void>;
}

export async function openQueueDatabase(url: string): Promise<QueueDatabase> {
  const database = openDatabase({ url });
  await migrate(database, queueSchema);
  return {
    database,
    async storage(overrides = {}) {
      await database.run(
        "TRUNCATE build_watcher.jobs, build_watcher.inputs, build_watcher.places, build_watcher.gates, build_watcher.tally, build_watcher.tags, build_watcher.shelf, build_watcher.marks, build_watcher.replicas, build_watcher.duties RESTART IDENTITY",
      );
      return postgresStorage(database, overrides);
    },
    close: () => database.close(),
  };
}

/** A handle on a database for one process of a bot, which can lose its way there. */
export interface Handle extends Database {
  /** Lets everything fail from now on. */
  sever(): void;
  /** Lets everything work again. */
  mend(): void;
  /** Resolves when nothing is under way; undefined when nothing is. */
  busy(): Promise<unknown> | undefined;
}

export function createHandle(database: Database, urgent: Database["urgent"] = database.urgent): Handle {
  const pending = new Set<Promise<unknown>>();
  let isSevered = false;

  function watched<Given extends readonly unknown[], T>(
    operation: (...given: Given) => Promise<T>,
  ): (...given: Given) => Promise<T> {
    return (...given) => {
      if (isSevered) return Promise.reject(new DatabaseError("The way to the database is cut", "outage"));
      const promise = operation(...given);
      pending.add(promise);
      const done = () => pending.delete(promise);
      promise.then(done, done);
      return promise;
    };
  }

  return {
    name: database.name,
    run: watched(database.run) as Database["run"],
    urgent: watched(urgent) as Database["urgent"],
    transaction: watched(database.transaction) as Database["transaction"],
    close: async () => undefined,
    sever() {
      isSevered = true;
    },
    mend() {
      isSevered = false;
    },
    busy: () => (pending.size > 0 ? Promise.allSettled([...pending]) : undefined),
  };
}

/** Milliseconds of the test's clock between two signs of life that are really given while nothing happens: hours pass in a moment then. */
const idlePace = 60_000;

function postgresStorage(real: Database, overrides: Partial<PostgresQueueSettings>): QueueStorage {
  const handles: Handle[] = [];
  const queues: JobQueue[] = [];
  let statements = 0;
  const database: Database = {
    ...real,
    run: (text, values) => {
      if (/INSERT|UPDATE|DELETE|(add|take|settle|retry)_jobs?\(/.test(text)) statements += 1;
      return real.run(text, values);
    },
    transaction: (...given) => {
      statements += 1;
      return real.transaction(...given);
    },
  };

  /** Asks the database only when something was done since it was last asked, or not for long. */
  function sparingly(): Database["urgent"] {
    const asked = new Map<string, { readonly statements: number; readonly at: number }>();
    return async (text, values) => {
      const last = asked.get(text);
      if (last?.statements === statements && clock.now() - last.at < idlePace && !text.includes("leave")) {
        return text.includes("beat") ? [{ beat: { released: [], lost: [], duties: [], due: [] } } as never] : [];
      }
      asked.set(text, { statements, at: clock.now() });
      return real.urgent(text, values);
    };
  }

  async function atRest(): Promise<void> {
    await settle();
    for (let busy = busyHandles(); busy.length > 0; busy = busyHandles()) {
      await Promise.all(busy);
      await settle();
    }
  }
  const busyHandles = () => handles.map((handle) => handle.busy()).filter((promise) => promise !== undefined);
  const clock = fakeClock(undefined, atRest);

  async function open(
    exclusive: boolean,
    options: { workers: number; jobTimeout: number; giveUpAfter: number },
  ): Promise<JobQueue> {
    const handle = createHandle(database, sparingly());
    handles.push(handle);
    const settings = { ...options, clock, random: () => 0.5, exclusive, queue: "submit" as const, ...overrides };
    const queue = await openPostgresQueue({ database: handle, ...settings });
    queues.push(queue);
    return queue;
  }

  return {
    clock,
    settle: atRest,
    open: (options) => open(true, options),
    openBeside: () => open(false, { workers: 1, jobTimeout: 1, giveUpAfter: 1 }),
    async crash() {
      await atRest();
      for (const handle of handles) handle.sever();
      // As if its last sign of life were long ago.
      await database.run("DELETE FROM build_watcher.replicas");
    },
    async dispose() {
      const closed = Promise.all(queues.map((queue) => queue.close()));
      await clock.advance(60_000);
      await closed;
    },
  };
}
