import { type Clock, sleep } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import { endedOrAborted } from "./layer-schedule.ts";

/** How many copies may burden one registry host at once, and hosts that asked for less. */
export interface HostLimits {
  /** Runs a task that burdens these hosts when each has a place free. Throws like `pass`. */
  run<T>(hosts: readonly string[], signal: AbortSignal, task: () => Promise<T>): Promise<T>;
  /** Resolves when none of these hosts is to be left alone; throws `JobError("RateLimited")` when that would take long. */
  pass(hosts: readonly string[], signal: AbortSignal): Promise<void>;
  /** The work's outcome; a `JobError("RateLimited")` in it slows its host down, if that is known. */
  heed<T>(work: Promise<T>, hostOf: (error: JobError) => string | undefined): Promise<T>;
  /** Leaves a host alone for a while, for everybody, and begins again with one task at a time. */
  slowDown(host: string, retryAfter?: number): void;
}

interface HostState {
  active: number;
  allowed: number;
  pausedUntil: number;
  /** Pauses since the last success. */
  strikes: number;
}

const firstPause = 1_000;
const longestPause = 60_000;
/** A longer wait gives the place in the pool away. */
const longestWait = 5_000;

export function createHostLimits(perHost: number, clock: Clock): HostLimits {
  const hosts = new Map<string, HostState>();
  let freed = Promise.withResolvers<void>();

  return { run, pass, heed, slowDown };

  async function run<T>(names: readonly string[], signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    const states = [...new Set(names)].map(stateOf);
    await pass(names, signal);
    while (states.some(({ active, allowed }) => active >= allowed)) {
      await endedOrAborted(freed.promise, signal);
      await pass(names, signal);
    }
    for (const state of states) state.active++;
    try {
      const result = await task();
      for (const state of states) recover(state);
      return result;
    } finally {
      for (const state of states) state.active--;
      freed.resolve();
      freed = Promise.withResolvers<void>();
    }
  }

  async function pass(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const [host, wait] = longestPauseOf(names);
      if (wait <= 0) return;
      if (wait > longestWait) throw pausedError(host, wait);
      await sleep(clock, wait, signal);
    }
  }

  async function heed<T>(work: Promise<T>, hostOf: (error: JobError) => string | undefined): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const host = isRefusal(error) && hostOf(error);
      if (host) slowDown(host, error.retryAfter);
      throw error;
    }
  }

  function slowDown(host: string, retryAfter = 0): void {
    const state = stateOf(host);
    // Copies that ran together are refused together: that is one refusal.
    if (clock.now() >= state.pausedUntil) state.strikes++;
    const own = Math.min(longestPause, firstPause * 2 ** (state.strikes - 1));
    state.pausedUntil = Math.max(state.pausedUntil, clock.now() + Math.max(own, retryAfter));
    state.allowed = 1;
  }

  function recover(state: HostState): void {
    if (clock.now() < state.pausedUntil) return;
    state.strikes = 0;
    state.allowed = Math.min(perHost, state.allowed + 1);
  }

  function longestPauseOf(names: readonly string[]): readonly [string, number] {
    const pauses = names.map((name) => [name, stateOf(name).pausedUntil - clock.now()] as const);
    return pauses.toSorted((a, b) => b[1] - a[1])[0] ?? ["", 0];
  }

  function stateOf(name: string): HostState {
    const known = hosts.get(name);
    if (known) return known;
    const state = { active: 0, allowed: perHost, pausedUntil: 0, strikes: 0 };
    hosts.set(name, state);
    return state;
  }
}

function isRefusal(error: unknown): error is JobError {
  return error instanceof JobError && error.reason === "RateLimited";
}

function pausedError(host: string, wait: number): JobError {
  const seconds = Math.ceil(wait / 1000);
  return new JobError("RateLimited", `${host} asked for fewer requests and is left alone for ${seconds} s`, { retryAfter: wait });
}
