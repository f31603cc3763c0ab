import { hostname } from "node:os";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Job } from "../../core/jobs/job.ts";
import { type Database, migrate, persist } from "../../postgres/index.ts";
import { createQueue, type QueueEngine } from "../dispatching/create-queue.ts";
import { poolOf } from "../dispatching/pools.ts";
import type { DispatchStore } from "../dispatching/store.ts";
import { type JobQueue, type JobResult, type QueuedWork, QueueUnavailableError } from "../job-queue.ts";
import type { WorkSettings } from "../work-settings.ts";
import { additionOf } from "./additions.ts";
import { type Connection, createConnection } from "./connection.ts";
import { createCorrections, reassign } from "./corrections.ts";
import { createDispatchStore } from "./dispatch-store.ts";
import { createDuties } from "./duties.ts";
import { createExchange } from "./exchange.ts";
import { createMembership, type Membership } from "./membership.ts";
import { createNotes } from "./notes.ts";
import { createRecords } from "./records.ts";
import { queueSchema } from "./schema/index.ts";

/** The places are those of this replica. */
export interface PostgresQueueSettings<Work extends QueuedWork = Job> extends WorkSettings<Work> {
  /** All queues of a bot use the same one. Closing a queue does not close it. */
  readonly database: Database;
  readonly queue: "submit" | "follow" | "notify";
  /** In tests: any clock other than the system's also replaces the database's. */
  readonly clock?: Clock;
  /** False opens the queue to read and correct it, without becoming a replica; `work` then throws. Default: true. */
  readonly exclusive?: boolean;
  /** This replica's name for people. Default: the host's name. */
  readonly replica?: string;
}

/**
 * Opens one of the bot's queues in PostgreSQL, for any number of replicas. Waits while the database is unavailable. Rejects with a `DatabaseError` if a
 * person has to fix something first.
 */
export async function openPostgresQueue<Work extends QueuedWork = Job, Result = JobResult>(
  settings: PostgresQueueSettings<Work>,
): Promise<JobQueue<Work, Result>> {
  // The database returns the work as it was added. Of the fields that only jobs have it reads build, output and cause.
  return (await openJobQueue(settings as unknown as PostgresQueueSettings)) as unknown as JobQueue<Work, Result>;
}

async function openJobQueue(settings: PostgresQueueSettings): Promise<JobQueue> {
  const { database, queue, exclusive = true, isSlow, clock = systemClock, random = Math.random } = settings;
  const now = () => (clock === systemClock ? null : clock.now());
  await persist(() => migrate(database, queueSchema), { clock, faults: ["outage"] });
  const connection = createConnection(database, clock);
  const { membership, leave } = await memberOf(connection, exclusive ? { ...settings, clock, random, now } : undefined);
  if (exclusive) await reassign(connection, queue, isSlow);
  const engine = createEngine(connection, membership, leave, {
    queue,
    now,
    clock,
    isSlow: exclusive ? isSlow : undefined,
    exclusive,
  });
  return createQueue(engine, { ...settings, clock, random });
}

interface EngineSettings {
  readonly queue: string;
  readonly now: () => number | null;
  readonly clock: Clock;
  readonly exclusive: boolean;
  readonly isSlow: ((job: Job) => boolean) | undefined;
}

function createEngine(
  connection: Connection,
  membership: Membership | undefined,
  leave: () => Promise<void>,
  { queue, now, clock, exclusive, isSlow }: EngineSettings,
): QueueEngine {
  const closing = new AbortController();
  const assign = (job: Job) => poolOf(job, isSlow);
  let changed: () => void = () => undefined;
  const told = () => {
    changed();
    membership?.call(queue);
  };
  const exchange = createExchange(connection, { queue, now, membership, changed: () => changed() }, closing.signal);
  const store = membership && createDispatchStore(exchange, membership, queue);
  return {
    ...createRecords(connection, queue),
    async add(job, how = {}) {
      if (closing.signal.aborted) throw new QueueUnavailableError(`The queue in ${connection.database.name} is closed`);
      const added = exchange.add(additionOf(job, how, assign(job)));
      // If the dispatcher asks for jobs now, the statement that adds this one also takes it.
      changed();
      if (!(await added)) return "already-known";
      membership?.call(queue);
      return "added";
    },
    // Next to running bots it is not known which jobs are slow there.
    ...createCorrections(connection, { queue, assign: exclusive ? assign : undefined, now, changed: told }),
    ...createNotes(connection),
    ...createDuties(connection, membership, { queue, clock, now }),
    trouble: connection.trouble,
    store: {
      ...(store ?? idleStore),
      attach(hooks) {
        changed = hooks.changed;
        store?.attach(hooks);
      },
    },
    assertWorker() {
      if (!store) throw new Error(`The queue in ${connection.database.name} was opened beside the bots, which alone run jobs`);
    },
    settled: exchange.settled,
    async close() {
      closing.abort();
      await leave();
    },
  };
}

/** Runs nothing. */
const idleStore: Omit<DispatchStore, "attach"> = {
  pollInterval: 60_000,
  take: async () => ({ claims: [] }),
  settle: async () => undefined,
  begin: () => undefined,
  end: async () => undefined,
};

interface Shared {
  readonly membership: Promise<Membership>;
  users: number;
}

/** All queues of a bot belong to one replica. */
const members = new WeakMap<Database, Shared>();

async function memberOf(
  connection: Connection,
  settings: (PostgresQueueSettings & { clock: Clock; random: () => number; now: () => number | null }) | undefined,
): Promise<{ readonly membership: Membership | undefined; readonly leave: () => Promise<void> }> {
  if (!settings) return { membership: undefined, leave: async () => undefined };
  const { database, replica = hostname() } = settings;
  const shared = members.get(database) ?? { membership: begun(connection, { ...settings, name: replica }), users: 0 };
  members.set(database, shared);
  shared.users += 1;
  const leave = async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    members.delete(database);
    await (await shared.membership).close();
  };
  return { membership: await shared.membership, leave };
}

async function begun(connection: Connection, settings: Parameters<typeof createMembership>[1]): Promise<Membership> {
  const membership = createMembership(connection, settings);
  await persist(membership.begin, { clock: settings.clock, faults: ["outage"] });
  return membership;
}
