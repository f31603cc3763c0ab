import type { Clock } from "../../core/clock.ts";
import type { FailureReason } from "../../core/errors.ts";
import { type Backoff, jobBackoff, longestRetryAfter } from "../../core/retry.ts";
import type { AttemptReport, JobHandler } from "../job-queue.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { Claim, DueTimes } from "./claims.ts";
import { attemptEnded, type Gate, openGate, placesThrough, probeStarted, reopensIn, type Sign } from "./gate.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Ledger } from "./ledger.ts";
import type { Room } from "./pools.ts";
import { createRunner, type OpenRoom } from "./runner.ts";
import { judge } from "./verdict.ts";

export interface DispatcherSettings {
  /** Places in each room. */
  readonly workers: number;
  /** Present when slow jobs have a room of their own. */
  readonly isSlow?: unknown;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  /** Milliseconds after its first failure at which a job is given up. */
  readonly giveUpAfter: number;
  /** The delays of a failed job. Default: `jobBackoff`. */
  readonly backoff?: Backoff;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
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
  const { clock, random, ledger, commit, giveUpAfter, backoff = jobBackoff } = settings;
  const runner = createRunner(settings);
  let gate: Gate = openGate;
  let work: Work | undefined;
  let claiming: Promise<void> | undefined;
  let stopping = false;
  let cancelTimer: () => void = () => undefined;

  const isBusy = () => claiming !== undefined || runner.isBusy();

  function dispatch(): void {
    if (!work || stopping || claiming) return;
    try {
      ledger.assertInPlace();
      const now = clock.now();
      const open = runner.openRooms();
      const due = ledger.dueTimes(poolsIn(open));
      if (hasDueJob(due, now) && placesThrough(gate, open.length, now) > 0) claiming = claim(work);
      cancelTimer();
      cancelTimer = clock.schedule(nextLook(gate, due, now), dispatch);
    } catch (error) {
      settings.failed(error);
    }
    if (!isBusy()) settings.rested();
  }

  async function claim({ handle, report }: Work): Promise<void> {
    try {
      const { probe, claims } = await commit.run(() => takeDue(ledger, gate, stopping ? [] : runner.openRooms(), clock.now()));
      if (probe && claims.length > 0) gate = probeStarted(gate, clock.now());
      for (const claimed of claims) runner.run(claimed, handle, recorder(claimed, probe, report)).catch(settings.failed);
    } catch (error) {
      settings.failed(error);
    }
    claiming = undefined;
    dispatch();
  }

  function recorder(claimed: Claim, probe: boolean, report: Work["report"]): (end: AttemptEnd) => Promise<void> {
    const claimedAt = clock.now();
    return async (end) => {
      const now = clock.now();
      const gateBefore = gate;
      gate = attemptEnded(gate, { job: claimed.number, probe, ...signOf(end) }, now, random());
      const verdict = judge(end, claimed, { now, random: random(), giveUpAfter, backoff, gateBefore, gate });
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

/** A job due later than any delay reaches means that the clock was put back: it is due as well. */
function hasDueJob({ first, last }: DueTimes, now: number): boolean {
  return first !== undefined && last !== undefined && (first <= now || last > now + longestRetryAfter);
}

function takeDue(
  ledger: Ledger,
  gate: Gate,
  open: readonly OpenRoom[],
  now: number,
): { readonly probe: boolean; readonly claims: readonly Claim[] } {
  const { last } = ledger.dueTimes(poolsIn(open));
  if (last !== undefined && last > now + longestRetryAfter) ledger.pullForward(now + longestRetryAfter, now);
  const probe = gate.kind === "shut";
  if (!probe) return { probe, claims: open.flatMap(({ room, free }) => ledger.claim(room, free, now)) };
  return { probe, claims: placesThrough(gate, open.length, now) > 0 ? ledger.claimProbe(poolsIn(open), now) : [] };
}

function poolsIn(open: readonly OpenRoom[]): Room {
  return open.flatMap(({ room }) => room);
}

/** Milliseconds until a job may start by the passing of time alone. */
function nextLook(gate: Gate, { first }: DueTimes, now: number): number {
  const wait = Math.max(reopensIn(gate, now) ?? 0, (first ?? Number.POSITIVE_INFINITY) - now);
  return wait > 0 ? Math.min(wait, pollInterval) : pollInterval;
}

/** What an attempt that failed for these reasons shows of the endpoint; others did not come so far as to ask it. */
const signs: Partial<Record<FailureReason, Sign>> = {
  AnalyzerRejected: "alive",
  AnalysisPending: "alive",
  AnalyzerFailed: "doubtful",
  AnalyzerProtocol: "doubtful",
};

function signOf(end: AttemptEnd): { readonly sign: Sign; readonly retryAfter?: number | undefined } {
  if (end.kind !== "failed") return { sign: end.kind === "done" ? "alive" : "none" };
  const { reason, pauses, retryAfter } = end.error;
  return { sign: pauses ? "down" : (signs[reason] ?? "none"), retryAfter };
}
