import { hostname } from "node:os";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Job } from "../../core/jobs/job.ts";
import { createQueue, type QueueEngine } from "../dispatching/create-queue.ts";
import type { StoreHooks } from "../dispatching/store.ts";
import type { JobQueue, JobRecord, JobResult, QueuedWork, QueueReads } from "../job-queue.ts";
import type { WorkSettings } from "../work-settings.ts";
import { createGroupCommit, type GroupCommit } from "./group-commit.ts";
import { type EndedState, type Ledger, openLedger } from "./ledger/ledger.ts";
import { fileMarks } from "./ledger/marks.ts";
import { explain, LedgerError, sqliteCode } from "./ledger-error.ts";
import { createEmbeddedStore } from "./store.ts";

export interface EmbeddedQueueSettings<Work extends QueuedWork = Job> extends WorkSettings<Work> {
  /** Where `ledger.db` is. Created if it is missing, with access for its owner only. */
  readonly directory: string;
  /** False opens the ledger of a running bot, to read and correct it; `work` then throws. Default: true. */
  readonly exclusive?: boolean;
  /** `full` (the default) survives a power cut, `normal` only the end of the process. */
  readonly synchronous?: "full" | "normal";
  /** Pages of 4 KiB that the ledger can grow to before the disk counts as full. Default: no limit. */
  readonly maximumPages?: number;
}

/** Rows deleted in one transaction. A large clean-up must not block others. */
const forgetBatch = 500;

/** The most running jobs that are named. */
const mostRunning = 1_000;

/** Opens a queue that keeps jobs, or other work, in an SQLite file in this directory. Throws `LedgerError`. */
export function openEmbeddedQueue<Work extends QueuedWork = Job, Result = JobResult>(
  settings: EmbeddedQueueSettings<Work>,
): JobQueue<Work, Result> {
  // The ledger returns the work as it was added. Of the fields that only jobs have it reads build, output and cause.
  return openJobQueue(settings as unknown as EmbeddedQueueSettings) as unknown as JobQueue<Work, Result>;
}

function openJobQueue(settings: EmbeddedQueueSettings): JobQueue {
  const { directory, exclusive = true, synchronous = "full", maximumPages, isSlow } = settings;
  const { clock = systemClock, random = Math.random } = settings;
  const ledger = openLedger({ directory, exclusive, synchronous, isSlow, ...(maximumPages !== undefined && { maximumPages }) });
  try {
    const crashed = exclusive ? recover(ledger, clock.now(), random) : [];
    const resolved = { ...settings, exclusive, clock, random };
    return createQueue(createEngine(ledger, crashed, resolved), resolved);
  } catch (error) {
    ledger.close();
    throw explain(ledger.file, error);
  }
}

/** Jobs that were running when the last bot crashed wait again. Waiting jobs move to the places that this bot's settings give them. */
function recover(ledger: Ledger, now: number, random: () => number): readonly JobRecord[] {
  ledger.connection.exec("BEGIN IMMEDIATE");
  const crashed = ledger.recover(now, random);
  ledger.reassign();
  ledger.connection.exec("COMMIT");
  return crashed;
}

type Resolved = EmbeddedQueueSettings & Required<Pick<EmbeddedQueueSettings, "clock" | "random" | "exclusive">>;

function createEngine(ledger: Ledger, crashed: readonly JobRecord[], settings: Resolved): QueueEngine {
  const { clock, exclusive, directory } = settings;
  const explained = (error: unknown) => {
    const isOfTheLedger = sqliteCode(error) !== undefined || !(error instanceof Error);
    return isOfTheLedger ? explain(ledger.file, error) : error;
  };
  let hooks: StoreHooks | undefined;
  const commit: GroupCommit = createGroupCommit(ledger.connection, {
    begin: ledger.assertInPlace,
    failed: (error) => hooks?.failed(explained(error)) ?? explained(error),
    committed: () => hooks?.changed(),
  });
  const store = createEmbeddedStore({ ledger, commit, crashed, clock, explained });

  return {
    store: {
      ...store,
      attach(given) {
        hooks = given;
        store.attach(given);
      },
    },
    assertWorker() {
      if (!exclusive) throw new LedgerError(ledger.file, "it was opened beside a working bot, which alone runs jobs.");
    },
    settled: () => commit.run(() => undefined),
    add: (job, how) => commit.run(() => ledger.add(job, clock.now(), how)),
    ...readings(ledger),
    ...corrections(ledger, commit, clock),
    tags: { latest: (tag, completion) => commit.run(() => ledger.latestTag(tag, completion)) },
    shelf: shelfOf(ledger, commit),
    marks: fileMarks(directory),
    ...onlyBot(ledger, settings),
    async close() {
      commit.end(new LedgerError(ledger.file, "the queue is closed."));
      ledger.close();
    },
  };
}

/** There is only one bot on a ledger, so it is always this bot's turn, and it is the only replica. */
function onlyBot(ledger: Ledger, { clock, exclusive }: Resolved): Pick<JobQueue, "alone" | "once" | "replicas" | "trouble"> {
  const startedAt = clock.now();
  return {
    alone: (_name, work, signal) => work(signal),
    once: (_name, _within, work, signal) => work(signal),
    async replicas() {
      if (!exclusive) return [];
      const running = ledger
        .recent(mostRunning, { state: "running" })
        .map(({ job, updatedAt }) => ({ id: job.id, since: updatedAt }));
      return [{ name: hostname(), isSelf: true, startedAt, seenAt: clock.now(), running }];
    },
    trouble: () => undefined,
  };
}

function shelfOf(ledger: Ledger, commit: GroupCommit): JobQueue["shelf"] {
  return {
    put: async (entries) => (entries.length > 0 ? commit.run(() => ledger.putAside(entries)) : undefined),
    keys: later(ledger.shelfKeys),
    of: later(ledger.putAsideFor),
    remove: (keys) => commit.run(() => ledger.takeFromShelf(keys)),
  };
}

/** What the ledger can read, as the contract has it. */
function readings(ledger: Ledger): Pick<JobQueue, QueueReads> {
  const { tally, failures, recent, look, count, find, known, ofGroups, withImage, lastOfBuildConfigs, oldestWaiting } = ledger;
  return {
    counts: later(ledger.counts),
    tally: later(tally),
    failures: later(failures),
    find: later(find),
    known: later(known),
    recent: later(recent),
    look: later(look),
    count: later(count),
    ofGroups: later(ofGroups),
    withImage: later(withImage),
    lastOfBuildConfigs: later(lastOfBuildConfigs),
    oldestWaiting: later(oldestWaiting),
    firstDue: later(ledger.firstDue),
  };
}

/** The same, but errors reject the promise. */
function later<Given extends readonly unknown[], Read>(read: (...given: Given) => Read): (...given: Given) => Promise<Read> {
  return async (...given) => read(...given);
}

function corrections(
  ledger: Ledger,
  commit: GroupCommit,
  clock: Clock,
): Pick<JobQueue, "amend" | "retry" | "dismiss" | "forget"> {
  return {
    amend: (id, change) => commit.run(() => ledger.amend(id, change)),
    retry: (id) => commit.run(() => ledger.retry(id, clock.now())),
    dismiss: (id) => commit.run(() => ledger.dismiss(id, clock.now())),
    forget: (limits) => forgetInBatches(ledger, commit, limits),
  };
}

async function forgetInBatches(ledger: Ledger, commit: GroupCommit, limits: Parameters<JobQueue["forget"]>[0]): Promise<number> {
  const states: readonly EndedState[] = limits.failed ? ["done", "dismissed", "failed"] : ["done", "dismissed"];
  await commit.run(() => ledger.forgetTags(Math.min(limits.endedBefore, limits.seenBefore)));
  let forgotten = 0;
  for (let last = forgetBatch; last === forgetBatch; forgotten += last) {
    last = await commit.run(() => ledger.forget(states, limits.endedBefore, limits.seenBefore, forgetBatch));
  }
  return forgotten;
}
