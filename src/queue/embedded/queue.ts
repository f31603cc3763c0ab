import { type Clock, systemClock } from "../../core/clock.ts";
import type { Job } from "../../core/job.ts";
import type { Backoff } from "../../core/retry.ts";
import { createDispatcher, type Dispatcher } from "../dispatching/dispatcher.ts";
import { createIdleWaiters } from "../dispatching/idle-waiters.ts";
import type { JobQueue, JobRecord, JobResult, JobState, QueuedWork } from "../job-queue.ts";
import { createGroupCommit, type GroupCommit } from "./group-commit.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { explain, LedgerError, sqliteCode } from "./ledger-error.ts";
import type { Records } from "./records.ts";

export interface EmbeddedQueueSettings<Work extends QueuedWork = Job> {
  /** Where `ledger.db` lies; created for the owner alone when it is missing. */
  readonly directory: string;
  /** Jobs run at once for each analyzer; with `isSlow`, so many slow ones beside so many others. */
  readonly workers: number;
  /** How many of these places the jobs of one namespace (of images alone: repository) may hold at most. Default: all. */
  readonly perTenant?: number | undefined;
  /** Tells jobs that take long, and have places of their own so that no other waits behind them. Default: there are none. */
  readonly isSlow?: ((work: Work) => boolean) | undefined;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  /** Milliseconds of being tried, from its first failure, after which a job is given up. */
  readonly giveUpAfter: number;
  /** The delays of a failed job. Default: `jobBackoff`. */
  readonly backoff?: Backoff;
  readonly clock?: Clock;
  /** In [0, 1), for the jitter of delays. */
  readonly random?: () => number;
  /** False opens the ledger beside a working bot, to look and to correct; `work` then throws. Default true. */
  readonly exclusive?: boolean;
  /** `full` (the default) survives a power cut, `normal` the end of the process only. */
  readonly synchronous?: "full" | "normal";
  /** Pages of 4 KiB the ledger may grow to before the disk counts as full. Default: no limit. */
  readonly maximumPages?: number;
}

/** Rows deleted in one transaction, so that a large clean-up holds nobody up. */
const forgetBatch = 500;

/** Opens the queue that keeps its jobs, or work of another kind, in an SQLite file in the given directory. Throws `LedgerError`. */
export function openEmbeddedQueue<Work extends QueuedWork = Job, Result = JobResult>(
  settings: EmbeddedQueueSettings<Work>,
): JobQueue<Work, Result> {
  // The ledger gives back what it was given, and reads of it only what a job alone has: its build, output and cause.
  return openJobQueue(settings as unknown as EmbeddedQueueSettings) as unknown as JobQueue<Work, Result>;
}

function openJobQueue(settings: EmbeddedQueueSettings): JobQueue {
  const { directory, exclusive = true, synchronous = "full", maximumPages, isSlow } = settings;
  const { clock = systemClock, random = Math.random } = settings;
  const ledger = openLedger({ directory, exclusive, synchronous, isSlow, ...(maximumPages !== undefined && { maximumPages }) });
  try {
    const crashed = exclusive ? recover(ledger, clock.now(), random) : [];
    return createQueue(ledger, crashed, { ...settings, exclusive, clock, random });
  } catch (error) {
    ledger.close();
    throw explain(ledger.file, error);
  }
}

/** Makes jobs wait again that the last bot left running when it crashed, and waiting ones where this bot's settings want them. */
function recover(ledger: Ledger, now: number, random: () => number): readonly JobRecord[] {
  ledger.connection.exec("BEGIN IMMEDIATE");
  const crashed = ledger.recover(now, random);
  ledger.reassign();
  ledger.connection.exec("COMMIT");
  return crashed;
}

type Resolved = EmbeddedQueueSettings & Required<Pick<EmbeddedQueueSettings, "clock" | "random" | "exclusive">>;

function createQueue(ledger: Ledger, crashed: readonly JobRecord[], settings: Resolved): JobQueue {
  const { clock } = settings;
  const end = Promise.withResolvers<void>();
  const idle = createIdleWaiters(isIdle);
  let working = false;
  let failure: Error | undefined;
  let closing: Promise<void> | undefined;

  function failed(error: unknown): Error {
    if (failure) return failure;
    const ofTheLedger = sqliteCode(error) !== undefined || !(error instanceof Error);
    failure = ofTheLedger ? explain(ledger.file, error) : error;
    idle.reject(failure);
    if (working) end.reject(failure);
    void dispatcher.stop(0);
    return failure;
  }

  function isIdle(): boolean {
    try {
      const { waiting, running } = ledger.counts();
      return waiting + running === 0 && !dispatcher.isBusy();
    } catch (error) {
      failed(error);
      return false;
    }
  }

  const commit: GroupCommit = createGroupCommit(ledger.connection, {
    begin: ledger.assertInPlace,
    failed,
    committed() {
      dispatcher.dispatch();
      idle.check();
    },
  });
  const dispatcher: Dispatcher = createDispatcher({ ...settings, ledger, commit, failed, rested: idle.check });

  async function stop(graceMilliseconds: number): Promise<void> {
    await dispatcher.stop(graceMilliseconds);
    if (!failure) end.resolve();
  }

  async function close(): Promise<void> {
    await stop(0);
    commit.end(new LedgerError(ledger.file, "the queue is closed."));
    ledger.close();
  }

  return {
    ended: end.promise,
    add: (job, how) => commit.run(() => ledger.add(job, clock.now(), how)),
    work(handle, report = () => undefined) {
      if (!settings.exclusive) throw new LedgerError(ledger.file, "it was opened beside a working bot, which alone runs jobs.");
      dispatcher.start(handle, report);
      working = true;
      if (failure) end.reject(failure);
      for (const record of crashed) report({ record, outcome: "interrupted", milliseconds: 0 });
    },
    async idle() {
      await commit.run(() => undefined);
      await idle.wait();
    },
    ...readings(ledger),
    ...corrections(ledger, commit, clock),
    tags: { latest: (tag, completion) => commit.run(() => ledger.latestTag(tag, completion)) },
    shelf: shelfOf(ledger, commit),
    stop,
    close: () => (closing ??= close()),
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

/** The ledger's readings, as the contract wants them. */
function readings(ledger: Ledger): Pick<JobQueue, keyof Records | "firstDue"> {
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

/** The same, with what goes wrong told by the promise. */
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
  const states: readonly JobState[] = limits.failed ? ["done", "dismissed", "failed"] : ["done", "dismissed"];
  await commit.run(() => ledger.forgetTags(Math.min(limits.endedBefore, limits.seenBefore)));
  let forgotten = 0;
  for (let last = forgetBatch; last === forgetBatch; forgotten += last) {
    last = await commit.run(() => ledger.forget(states, limits.endedBefore, limits.seenBefore, forgetBatch));
  }
  return forgotten;
}
