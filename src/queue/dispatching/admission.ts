import type { Clock } from "../../core/clock.ts";
import type { FailureReason } from "../../core/errors.ts";
import { type Backoff, jobBackoff } from "../../core/retry.ts";
import type { Claim, Wanted } from "../embedded/claims.ts";
import { type AttemptEnd, settleGrace } from "./attempt.ts";
import { attemptEnded, type Gate, openGate, placesThrough, probeStarted, reopensIn, type Sign } from "./gate.ts";
import type { Runner } from "./runner.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface AdmissionSettings {
  /** How many places of a room the jobs of one tenant may hold at most. Default: all. */
  readonly perTenant?: number | undefined;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  /** Milliseconds of being tried after which a job is given up. */
  readonly giveUpAfter: number;
  /** The delays of a failed job. Default: `jobBackoff`. */
  readonly backoff?: Backoff;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Decides which jobs may start: a gate for every analyzer's endpoint, and the places of its rooms. */
export interface Admission {
  /** What may start now for one analyzer: as many as have places, or, while its endpoint is down, one now and then. */
  wanted(analyzer: string, now: number): readonly Wanted[];
  /** To be told of every job that starts. */
  started(claim: Claim, now: number): void;
  /** To be told how it ended; says what becomes of it. */
  ended(claim: Claim, end: AttemptEnd, startedAt: number, now: number): Verdict;
  /** Milliseconds until each shut gate lets a job through. */
  openings(now: number): readonly number[];
}

export function createAdmission(settings: AdmissionSettings, runner: Pick<Runner, "openRooms">): Admission {
  const { perTenant, jobTimeout, giveUpAfter, backoff = jobBackoff, random } = settings;
  const gates = new Map<string, Gate>();
  const gateOf = (analyzer: string) => gates.get(analyzer) ?? openGate;

  return {
    wanted(analyzer, now) {
      const open = runner.openRooms(analyzer);
      const gate = gateOf(analyzer);
      if (gate.kind === "open")
        return open.map(({ room, free, running }) => ({ analyzer, room, kind: "jobs", limit: free, perTenant, running }));
      if (placesThrough(gate, open.length, now) === 0) return [];
      return [{ analyzer, room: open.flatMap(({ room }) => room), kind: "probe", limit: 1, running: new Map() }];
    },
    started({ analyzer, probe }, now) {
      if (probe) gates.set(analyzer, probeStarted(gateOf(analyzer), now));
    },
    ended(claim, end, startedAt, now) {
      const { number: job, analyzer, probe } = claim;
      const gateBefore = gateOf(analyzer);
      const gate = attemptEnded(gateBefore, { job, probe, ...signOf(end) }, now, random());
      gates.set(analyzer, gate);
      // A clock that was moved meanwhile must not count: no attempt takes longer than it may.
      const took = Math.min(Math.max(now - startedAt, 0), jobTimeout + settleGrace);
      return judge(end, claim, { now, took, random: random(), giveUpAfter, backoff, gateBefore, gate });
    },
    openings: (now) => [...gates.values()].map((gate) => reopensIn(gate, now) ?? 0),
  };
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
