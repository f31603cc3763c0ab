import { type Backoff, backoffDelay, longestRetryAfter } from "../../core/jobs/retry.ts";

/**
 * Whether jobs may start, seen from the endpoint every job needs: a circuit breaker. While it is shut, one job at a time may try, each time
 * after a pause; `against` are the different jobs, by number, on which the endpoint failed since it last showed life.
 */
export type Gate =
  | { readonly kind: "open"; readonly against: readonly number[] }
  | { readonly kind: "shut"; readonly against: readonly number[]; readonly until: number };

/** What an attempt showed of the endpoint; `doubtful` means that either it or this one job is at fault. */
export type Sign = "alive" | "doubtful" | "down" | "none";

/** What the gate needs to know of an ended attempt. */
export interface GateEvent {
  /** The job's number. */
  readonly job: number;
  /** Whether it was let through a shut gate. */
  readonly probe: boolean;
  readonly sign: Sign;
  /** Milliseconds the endpoint asked for. */
  readonly retryAfter?: number | undefined;
}

export const openGate: Gate = { kind: "open", against: [] };

/** How long the gate stays shut while the endpoint is down: from a second to a minute. */
export const gateBackoff: Backoff = { initial: 1_000, cap: 60_000 };

/** The same while it answers, but with errors: these jobs may be at fault after all, and the next one is not. */
export const doubtBackoff: Backoff = { initial: 1_000, cap: 10_000 };

/** So many different jobs in a row on which the endpoint failed are not all at fault themselves. */
const toleratedDoubts = 5;

/** Milliseconds after which another job may try beside one that still does: longer than a request takes, but a copy can take long. */
export const probePatience = 3 * 60_000;

/** As many as it takes to reach the longest pause. */
const rememberedJobs = 10;

/** How many jobs may start now, of so many free places. */
export function placesThrough(gate: Gate, free: number, now: number): number {
  if (gate.kind === "open") return free;
  return waitOf(gate.until, now) <= 0 ? Math.min(free, 1) : 0;
}

/** Milliseconds until the gate next lets a job through by itself; undefined when time does not change that. */
export function reopensIn(gate: Gate, now: number): number | undefined {
  return gate.kind === "shut" ? Math.max(waitOf(gate.until, now), 0) : undefined;
}

/** The gate once a job went through it. */
export function probeStarted(gate: Gate, now: number): Gate {
  return gate.kind === "shut" ? { ...gate, until: now + probePatience } : gate;
}

/** The gate after an attempt ended; `random` is in [0, 1). Pauses grow with the number of different jobs, so that one alone holds nobody up. */
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

/** A wait longer than any that is ever set means that the clock was put back: it is over. */
function waitOf(until: number, now: number): number {
  return until - now > longestRetryAfter ? 0 : until - now;
}
