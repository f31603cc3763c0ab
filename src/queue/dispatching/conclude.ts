import type { FailureReason } from "../../core/jobs/errors.ts";
import { type Backoff, jobBackoff } from "../../core/jobs/retry.ts";
import { type AttemptEnd, settleGrace } from "./attempt.ts";
import { attemptEnded, type Gate, type Sign } from "./gate.ts";
import type { Claim, Conclusion } from "./store.ts";
import { judge } from "./verdict.ts";

export interface ConcludeSettings {
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  /** How long (ms) a job is retried before it is given up. */
  readonly giveUpAfter: number;
  /** The delays of a failed job. Default: `jobBackoff`. */
  readonly backoff?: Backoff;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Says what an attempt means for its job and its analyzer's gate, once the gate is known. The same gate and time give the same answer.
 */
export function createConclude(
  settings: ConcludeSettings,
  claim: Claim,
  end: AttemptEnd,
  milliseconds: number,
): (gate: Gate, now: number) => Conclusion {
  const { jobTimeout, giveUpAfter, backoff = jobBackoff } = settings;
  const { number: job, probe } = claim;
  const [ofGate, ofDelay] = [settings.random(), settings.random()];
  // No attempt takes longer than its deadline, even if the clock was changed meanwhile.
  const took = Math.min(Math.max(milliseconds, 0), jobTimeout + settleGrace);
  return (gateBefore, now) => {
    const gate = attemptEnded(gateBefore, { job, probe, ...signOf(end) }, now, ofGate);
    return { gate, verdict: judge(end, claim, { now, took, random: ofDelay, giveUpAfter, backoff, gateBefore, gate }) };
  };
}

/** What a failure for these reasons shows about the endpoint. With other reasons the endpoint was not asked. */
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
