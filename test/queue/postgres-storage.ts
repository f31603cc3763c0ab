import { type Database, DatabaseError, migrate, openDatabase } from "../../src/postgres/index.ts";
import type { JobQueue } from "../../src/queue/job-queue.ts";
import { openPostgresQueue, type PostgresQueueSettings } from "../../src/queue/postgres/queue.ts";
import { queueSchema } from "../../src/queue/postgres/schema/index.ts";
import { fakeClock, settle } from "../support/fake-clock.ts";
import type { QueueOptions, QueueStorage } from "./job-queue.contract.ts";

/** A database of the queue's, emptied for every test: that takes less time than a new one. */
export interface QueueDatabase {
  readonly database: Database;
  storage(overrides?: Partial<PostgresQueueSettings>): Promise<QueueStorage>;
  /** Empty storage for several replicas, by whose clock every sign of life is given. */
  replicas(): Promise<ReplicaStorage>;
  close(): Promise<void>;
}

/** One bot on a database. */
export interface OpenedReplica {
  readonly queue: JobQueue;
  readonly handle: Handle;
}

export interface ReplicaStorage extends QueueStorage {
  openReplica(options?: Partial<PostgresQueueSettings>): Promise<OpenedReplica>;
}

export async function openQueueDatabase(url: string): Promise<QueueDatabase> {
  const database = openDatabase({ url });
  await migrate(database, queueSchema);
  return {
    database,
    async storage(overrides = {}) {
      await empty(database);
      return postgresStorage(database, overrides, true);
    },
    async replicas() {
      await empty(database);
      return postgresStorage(database, {}, false);
    },
    close: () => database.close(),
  };
}

/** TRUNCATE would make new files of every table and index: a hundred times as much work for so few rows. */
async function empty({ run }: Database): Promise<void> {
  const tables = ["jobs", "inputs", "places", "gates", "tally", "tags", "shelf", "marks", "replicas", "duties"];
  const deletions = tables.map((table) => `DELETE FROM build_watcher.${table}`).join("; ");
  const numbers = "SELECT setval('build_watcher.jobs_number_seq', 1, false)";
  await run(`SET LOCAL session_replication_role = replica; ${deletions}; ${numbers}`);
}

/** A handle on a database for one process of a bot, which can lose its way there. */
export interface Handle extends Database {
  /** Lets everything fail from now on. */
  sever(): void;
  /** Lets everything work again. */
  mend(): void;
  /** Lets the next statement that matches be done, but its answer be lost. */
  loseAnswer(matching: RegExp): void;
  /** Statements so far. */
  statements(): number;
  /** Resolves when nothing is under way; undefined when nothing is. */
  busy(): Promise<unknown> | undefined;
}

export function createHandle(database: Database, urgent: Database["urgent"] = database.urgent): Handle {
  const pending = new Set<Promise<unknown>>();
  let isSevered = false;
  let losing: RegExp | undefined;
  let statements = 0;
  const cut = () => new DatabaseError("The way to the database is cut", "outage");

  async function heard<T>(answer: Promise<T>, text: string): Promise<T> {
    const isLost = losing?.test(text);
    if (isLost) losing = undefined;
    const value = await answer;
    if (isLost) throw cut();
    return value;
  }

  function watched<Given extends readonly unknown[], T>(
    operation: (...given: Given) => Promise<T>,
  ): (...given: Given) => Promise<T> {
    return (...given) => {
      statements += 1;
      if (isSevered) return Promise.reject(cut());
      const promise = heard(operation(...given), String(given[0]));
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
    // What comes by itself comes at no time of the test's clock.
    listen: () => () => false,
    close: async () => undefined,
    sever() {
      isSevered = true;
    },
    mend() {
      isSevered = false;
    },
    loseAnswer(matching) {
      losing = matching;
    },
    statements: () => statements,
    busy: () => (pending.size > 0 ? Promise.allSettled([...pending]) : undefined),
  };
}

const defaults: QueueOptions = { workers: 2, jobTimeout: 15 * 60_000, giveUpAfter: 72 * 3_600_000 };

/** Milliseconds of the test's clock between two signs of life that are really given while nothing happens: hours pass in a moment then. */
const idlePace = 60_000;

function postgresStorage(real: Database, overrides: Partial<PostgresQueueSettings>, isSparing: boolean): ReplicaStorage {
  const handles: Handle[] = [];
  const queues: JobQueue[] = [];
  let statements = 0;
  const database: Database = {
    ...real,
    run: (text, values) => {
      if (/INSERT|UPDATE|DELETE|(exchange|retry_job)\(/.test(text)) statements += 1;
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
        return text.includes("beat") ? [{ beat: { released: [], lost: [], duties: [], due: [], others: false } } as never] : [];
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

  async function openOn(handle: Handle, exclusive: boolean, options: Partial<PostgresQueueSettings>): Promise<JobQueue> {
    const settings = { clock, random: () => 0.5, exclusive, queue: "submit" as const, ...defaults, ...options, ...overrides };
    const queue = await openPostgresQueue({ ...settings, database: handle });
    queues.push(queue);
    return queue;
  }

  function newHandle(): Handle {
    const handle = isSparing ? createHandle(database, sparingly()) : createHandle(database);
    handles.push(handle);
    return handle;
  }

  return {
    clock,
    settle: atRest,
    open: (options) => openOn(newHandle(), true, options),
    openBeside: () => openOn(newHandle(), false, {}),
    async openReplica({ database: shared, ...options } = {}) {
      const handle = (shared as Handle | undefined) ?? newHandle();
      return { queue: await openOn(handle, true, options), handle };
    },
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
