import { type AttemptReport, type JobHandler, QueueUnavailableError } from "../job-queue.ts";
import { type AttemptEnd, settleGrace } from "./attempt.ts";
import { type ConcludeSettings, createConclude } from "./conclude.ts";
import { createRunner, type RunnerSettings } from "./runner.ts";
import type { Claim, DispatchStore, Places, Taken } from "./store.ts";

export interface DispatcherSettings extends RunnerSettings, ConcludeSettings {
  readonly store: DispatchStore;
  /** How many places of a room the jobs of one tenant can hold. Default: all. */
  readonly perTenant?: number | undefined;
  /** Called when no attempt is left, because the queue may be idle. Never throws. */
  readonly rested: () => void;
  /** Called when the dispatcher cannot continue. */
  readonly failed: (error: unknown) => void;
}

/** Runs due jobs, as many as have places and as the store lets through. */
export interface Dispatcher {
  start(handle: JobHandler, report: (attempt: AttemptReport) => void): void;
  /** Looks for due jobs now, or once more if it is looking already. Called after every change of the store. */
  dispatch(): void;
  /** Interrupts attempts with these claims. */
  interrupt(tokens: readonly string[]): void;
  /** Claims no more and waits this long for the running attempts. Then they are interrupted. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Whether a job is being claimed, run or recorded. */
  isBusy(): boolean;
}

interface Work {
  readonly handle: JobHandler;
  readonly report: (attempt: AttemptReport) => void;
}

/** Milliseconds to record the ends of attempts when the bot stops. What is not recorded then runs again. */
const recordGrace = 5_000;

export function createDispatcher(settings: DispatcherSettings): Dispatcher {
  const { clock, store, workers, perTenant } = settings;
  const runner = createRunner(settings);
  const recorder = createRecorder(settings, dispatch);
  let work: Work | undefined;
  let taking: Promise<void> | undefined;
  let isChanged = false;
  let stopping = false;
  let cancelTimer: () => void = () => undefined;

  const isBusy = () => taking !== undefined || runner.isBusy();
  const places = (): Places => ({ workers: stopping ? 0 : workers, perTenant, ...runner.occupied() });

  function dispatch(): void {
    isChanged = true;
    if (work && !stopping) taking ??= takeAll(work);
  }

  function lookIn(milliseconds: number): void {
    cancelTimer();
    if (!stopping) cancelTimer = clock.schedule(milliseconds, dispatch);
  }

  /** Takes again until nothing has changed meanwhile, because the store may not have seen a change yet. */
  async function takeAll(current: Work): Promise<void> {
    let nextIn: number | undefined;
    try {
      while (isChanged && !stopping) {
        isChanged = false;
        lookIn(store.pollInterval);
        nextIn = await take(current);
      }
    } catch (error) {
      settings.failed(error);
    }
    taking = undefined;
    lookIn(Math.min(store.pollInterval, nextIn ?? store.pollInterval));
    if (!isBusy()) settings.rested();
  }

  async function take({ handle, report }: Work): Promise<number | undefined> {
    const { claims, nextIn, more = false } = await takenOf(store, places);
    isChanged ||= more;
    // It was asked for before the stop and arrived after it.
    if (stopping) await Promise.all(claims.map((claim) => recorder(claim, report)({ kind: "interrupted" })));
    else for (const claim of claims) runner.run(claim, handle, recorder(claim, report)).catch(settings.failed);
    return nextIn;
  }

  return {
    dispatch,
    isBusy,
    interrupt: runner.interrupt,
    start(handle, report) {
      if (work) throw new Error("The queue is already working");
      work = { handle, report };
      dispatch();
    },
    async stop(graceMilliseconds) {
      stopping = true;
      cancelTimer();
      if (graceMilliseconds <= 0) runner.interrupt();
      const cancel = clock.schedule(graceMilliseconds, () => runner.interrupt());
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const cancelLate = clock.schedule(Math.max(graceMilliseconds, 0) + settleGrace + recordGrace, resolve);
      await Promise.race([late, (taking ?? Promise.resolve()).then(() => runner.onIdle())]);
      cancel();
      cancelLate();
    },
  };
}

/** A store that cannot be reached has nothing to take now. */
async function takenOf(store: DispatchStore, places: () => Places): Promise<Taken> {
  try {
    return await store.take(places);
  } catch (error) {
    if (error instanceof QueueUnavailableError) return { claims: [] };
    throw error;
  }
}

/** Makes the function that records and reports how a claimed job's attempt ended. */
function createRecorder(settings: DispatcherSettings, dispatch: () => void) {
  const { clock, store } = settings;
  return (claim: Claim, report: Work["report"]) => {
    const claimedAt = clock.now();
    return async (end: AttemptEnd): Promise<void> => {
      const milliseconds = clock.now() - claimedAt;
      const conclude = createConclude(settings, claim, end, milliseconds);
      let outcome: AttemptReport["outcome"] = "interrupted";
      const written = store.settle(claim, (gate, now) => {
        const conclusion = conclude(gate, now);
        outcome = conclusion.verdict.outcome;
        return conclusion;
      });
      // The next claim can join the same transaction. Then a job costs one sync of the disk, not two.
      dispatch();
      const record = await written;
      if (record) report({ record, outcome, milliseconds });
    };
  };
}
