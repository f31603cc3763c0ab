import { longestRetryAfter } from "../../core/retry.ts";
import type { Claim, Wanted } from "../embedded/claims.ts";
import type { GroupCommit } from "../embedded/group-commit.ts";
import type { Ledger } from "../embedded/ledger.ts";
import type { AttemptReport, JobHandler } from "../job-queue.ts";
import { type AdmissionSettings, createAdmission } from "./admission.ts";
import type { AttemptEnd } from "./attempt.ts";
import { createRunner, type RunnerSettings } from "./runner.ts";

export interface DispatcherSettings extends RunnerSettings, AdmissionSettings {
  readonly ledger: Ledger;
  readonly commit: GroupCommit;
  /** Called whenever no attempt is left: the queue may be idle. Never throws. */
  readonly rested: () => void;
  /** Called when the dispatcher cannot go on. */
  readonly failed: (error: unknown) => void;
}

/** Runs due jobs, as many as there are places and as the gate lets through. */
export interface Dispatcher {
  start(handle: JobHandler, report: (attempt: AttemptReport) => void): void;
  /** Looks for due jobs now, unless a claim is under way, which looks when it ends; called after every change of the ledger. */
  dispatch(): void;
  /** Claims nothing more and waits for the running attempts: so many milliseconds, then they are interrupted. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Whether a job is being claimed, run or recorded. */
  isBusy(): boolean;
}

interface Work {
  readonly handle: JobHandler;
  readonly report: (attempt: AttemptReport) => void;
}

/** Milliseconds after which the ledger is looked at again, for another process may have changed it or the machine slept. */
const pollInterval = 1_000;

export function createDispatcher(settings: DispatcherSettings): Dispatcher {
  const { clock, ledger, commit } = settings;
  const runner = createRunner(settings);
  const admission = createAdmission(settings, runner);
  let work: Work | undefined;
  let claiming: Promise<void> | undefined;
  let stopping = false;
  let cancelTimer: () => void = () => undefined;

  const isBusy = () => claiming !== undefined || runner.isBusy();

  function wanted(now: number): readonly Wanted[] {
    return stopping ? [] : ledger.waitingAnalyzers().flatMap((analyzer) => admission.wanted(analyzer, now));
  }

  function dispatch(): void {
    if (!work || stopping || claiming) return;
    try {
      ledger.assertInPlace();
      const now = clock.now();
      if (isAnythingDue(ledger, wanted(now), now)) claiming = claim(work);
      cancelTimer();
      cancelTimer = clock.schedule(nextLook(admission.openings(now), ledger.nextDue(now), now), dispatch);
    } catch (error) {
      settings.failed(error);
    }
    if (!isBusy()) settings.rested();
  }

  async function claim({ handle, report }: Work): Promise<void> {
    try {
      const claims = await commit.run(() => takeDue(ledger, wanted, clock.now()));
      for (const claimed of claims) {
        admission.started(claimed, clock.now());
        runner.run(claimed, handle, recorder(claimed, report)).catch(settings.failed);
      }
    } catch (error) {
      settings.failed(error);
    }
    claiming = undefined;
    dispatch();
  }

  function recorder(claimed: Claim, report: Work["report"]): (end: AttemptEnd) => Promise<void> {
    const claimedAt = clock.now();
    return async (end) => {
      const now = clock.now();
      const verdict = admission.ended(claimed, end, claimedAt, now);
      const written = commit.run(() => ledger.settle(claimed, verdict, now));
      // The next claim joins the same transaction, so that a job costs one sync of the disk, not two.
      dispatch();
      const record = await written;
      if (record) report({ record, outcome: verdict.outcome, milliseconds: now - claimedAt });
    };
  }

  return {
    dispatch,
    isBusy,
    start(handle, report) {
      if (work) throw new Error("The queue is already working");
      work = { handle, report };
      dispatch();
    },
    async stop(graceMilliseconds) {
      stopping = true;
      cancelTimer();
      if (graceMilliseconds <= 0) runner.interrupt();
      const cancel = clock.schedule(graceMilliseconds, runner.interrupt);
      await claiming;
      await runner.onIdle();
      cancel();
    },
  };
}

function isAnythingDue(ledger: Ledger, wanted: readonly Wanted[], now: number): boolean {
  return ledger.isDueAfter(now + longestRetryAfter) || wanted.some((some) => ledger.isThere(some, now));
}

function takeDue(ledger: Ledger, wanted: (now: number) => readonly Wanted[], now: number): readonly Claim[] {
  // A job due later than any delay reaches means that the clock was put back: it is due as well.
  const horizon = now + longestRetryAfter;
  if (ledger.isDueAfter(horizon)) ledger.pullForward(horizon, now);
  return wanted(now).flatMap((some) => ledger.claim(some, now));
}

/** Milliseconds until a job may start by the passing of time alone. */
function nextLook(openings: readonly number[], nextDue: number | undefined, now: number): number {
  const waits = [...openings, (nextDue ?? Number.POSITIVE_INFINITY) - now];
  return Math.min(pollInterval, ...waits.filter((wait) => wait > 0));
}
