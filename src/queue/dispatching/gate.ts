import { type Backoff, backoffDelay, longestRetryAfter } from "../../core/jobs/retry.ts";

/**
 * A circuit breaker for the endpoint that every job needs. While it is shut, one job at a time can try, after a pause each time. `against` are the numbers
 * of the different jobs on which the endpoint has failed since it last worked.
 */
export type Gate =
  | { readonly kind: "open"; readonly against: readonly number[] }
  | { readonly kind: "shut"; readonly against: readonly number[]; readonly until: number };

/** What an attempt showed about the endpoint. `doubtful`: either the endpoint or this one job is the cause. */
export type Sign = "alive" | "doubtful" | "down" | "none";

/** What the gate needs to know about an ended attempt. */
export interface GateEvent {
  /** The job's number. */
  readonly job: number;
  /** Whether it tried while the gate was shut. */
  readonly probe: boolean;
  readonly sign: Sign;
  /** Milliseconds that the endpoint asked to wait. */
  readonly retryAfter?: number | undefined;
}

export const openGate: Gate = { kind: "open", against: [] };

/** How long the gate stays shut while the endpoint is down: from a second to a minute. */
export const gateBackoff: Backoff = { initial: 1_000, cap: 60_000 };

/** The same while it answers with errors. These jobs may be the cause, and the next one may work. */
export const doubtBackoff: Backoff = { initial: 1_000, cap: 10_000 };

/** If the endpoint failed on this many different jobs in a row, the jobs are not the cause. */
const toleratedDoubts = 5;

/** Milliseconds after which another job can try while one still tries. Longer than a request, but a copy can take longer. */
export const probePatience = 3 * 60_000;

/** Enough to reach the longest pause. */
const rememberedJobs = 10;

/** How many jobs can start now with this many free places. */
export function placesThrough(gate: Gate, free: number, now: number): number {
  if (gate.kind === "open") return free;
  return waitOf(gate.until, now) <= 0 ? Math.min(free, 1) : 0;
}

/** Milliseconds until the gate lets the next job through. Undefined if waiting does not change that. */
export function reopensIn(gate: Gate, now: number): number | undefined {
  return gate.kind === "shut" ? Math.max(waitOf(gate.until, now), 0) : undefined;
}

/** The gate after a job has started. */
export function probeStarted(gate: Gate, now: number): Gate {
  return gate.kind === "shut" ? { ...gate, until: now + probePatience } : gate;
}

/** The gate after an attempt. `random` is in [0, 1). Pauses grow with the number of different jobs, so that a single one does not block others. */
export function attemptEnded(gate: Gate, event: GateEvent, now: number, random: number): Gate {
  const { sign, probe } = event;
  const wait = sign === "down" ? Math.min(event.retryAfter ?? 0, longestRetryAfter) : 0;
  if (sign === "alive") return probe || gate.kind === "open" ? openGate : gate;
  if (gate.kind === "shut" && !probe) return { ...gate, until: Math.max(gate.until, now + wait) };
  if (sign === "none") return gate.kind === "shut" ? { ...gate, until: now } : gate;
  const against = gate.against.includes(event.job) ? gate.against : [...gate.against, event.job].slice(-rememberedJobs);
  if (gate.kind === "open" && sign === "doubtful" && against.length < toleratedDoubts) return { kind: "open", against };
  const pause = backoffDelay(against.length, sign === "down" ? gateBackoff : doubtBackoff, random);
  return { kind: "shut", against, until: now + Math.max(pause, wait) };
}

/** A wait that is longer than any that can be set means that the clock was set back. Then it is over. */
function waitOf(until: number, now: number): number {
  return until - now > longestRetryAfter ? 0 : until - now;
}
