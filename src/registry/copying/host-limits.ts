import { type Clock, sleep } from "../../core/clock.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { endedOrAborted } from "./layer-schedule.ts";

/** The two registries of a task; they can be the same. */
export interface TaskHosts {
  readonly source: string;
  readonly destination: string;
}

/** What a running task reports, so that nobody waits for one that makes no progress. */
export interface TaskPlace {
  /** Nothing moves: the place at the destination is free for others, that at the source is not. */
  quiet(): void;
  /** Bytes move: the task burdens both hosts. */
  moving(): void;
}

/** How many copies may burden one registry host at once, and hosts that asked for less. */
export interface HostLimits {
  /** Runs a task when both of its hosts have a place free. Throws like `pass`. */
  run<T>(hosts: TaskHosts, signal: AbortSignal, task: (place: TaskPlace) => Promise<T>): Promise<T>;
  /** Resolves when none of these hosts needs a pause. Throws `JobError("RateLimited")` if that would take long. */
  pass(hosts: readonly string[], signal: AbortSignal): Promise<void>;
  /** The work's outcome; a `JobError("RateLimited")` in it slows its host down, if that is known. */
  heed<T>(work: Promise<T>, hostOf: (error: JobError) => string | undefined): Promise<T>;
  /** Gives a host a pause for all callers, then starts again with one task at a time. */
  slowDown(host: string, retryAfter?: number): void;
  /** Whether bytes went to or from a host in the last milliseconds. */
  movedWithin(host: string, milliseconds: number): boolean;
}

interface HostState {
  active: number;
  allowed: number;
  pausedUntil: number;
  /** Pauses since the last success. */
  strikes: number;
  movedAt: number;
}

const firstPause = 1_000;
const longestPause = 60_000;
/** A longer wait gives the place in the pool away. */
const longestWait = 5_000;

export function createHostLimits(perHost: number, clock: Clock): HostLimits {
  const stateOf = createStates(perHost, clock);
  let freed = Promise.withResolvers<void>();

  return { run, pass, heed, slowDown, movedWithin };

  async function run<T>(hosts: TaskHosts, signal: AbortSignal, task: (place: TaskPlace) => Promise<T>): Promise<T> {
    const names = [...new Set([hosts.source, hosts.destination])];
    const states = names.map(stateOf);
    await pass(names, signal);
    while (states.some(({ active, allowed }) => active >= allowed)) {
      await endedOrAborted(freed.promise, signal);
      await pass(names, signal);
    }
    const place = takePlaces(stateOf(hosts.source), stateOf(hosts.destination), { now: clock.now, freed: wakeAll });
    try {
      const result = await task(place);
      for (const state of states) if (clock.now() >= state.pausedUntil) recover(state, perHost);
      return result;
    } finally {
      place.leave();
    }
  }

  async function pass(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const pauses = names.map((name) => [name, stateOf(name).pausedUntil - clock.now()] as const);
      const [host, wait] = pauses.toSorted((a, b) => b[1] - a[1])[0] ?? ["", 0];
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

  function movedWithin(host: string, milliseconds: number): boolean {
    return clock.now() - stateOf(host).movedAt <= milliseconds;
  }

  function wakeAll(): void {
    freed.resolve();
    freed = Promise.withResolvers<void>();
  }
}

/** Work at one host that takes no place. It waits while the host has a pause, and the host gets one if it asks for fewer requests. */
export async function inTurn<T>(
  limits: Pick<HostLimits, "pass" | "heed">,
  host: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  await limits.pass([host], signal);
  return limits.heed(work(), () => host);
}

/** Places at both hosts, until `leave`. A host that is source and destination has one. */
function takePlaces(
  source: HostState,
  destination: HostState,
  { now, freed }: { readonly now: () => number; readonly freed: () => void },
): TaskPlace & { leave(): void } {
  let held = 0;
  const hold = (places: 0 | 1) => {
    if (destination !== source) destination.active += places - held;
    held = places;
    if (places === 0) freed();
  };
  source.active++;
  hold(1);
  return {
    quiet: () => hold(0),
    moving() {
      hold(1);
      source.movedAt = now();
      destination.movedAt = now();
    },
    leave() {
      source.active--;
      hold(0);
    },
  };
}

function recover(state: HostState, perHost: number): void {
  state.strikes = 0;
  state.allowed = Math.min(perHost, state.allowed + 1);
}

/** Whoever builds an image names its host, so that idle ones are forgotten. */
const mostHosts = 1_000;

function createStates(perHost: number, clock: Clock): (name: string) => HostState {
  const hosts = new Map<string, HostState>();
  return (name) => {
    const known = hosts.get(name);
    if (known) return known;
    if (hosts.size >= mostHosts) {
      for (const [host, { active, pausedUntil }] of hosts) if (active === 0 && pausedUntil <= clock.now()) hosts.delete(host);
    }
    const state = { active: 0, allowed: perHost, pausedUntil: 0, strikes: 0, movedAt: Number.NEGATIVE_INFINITY };
    hosts.set(name, state);
    return state;
  };
}

function isRefusal(error: unknown): error is JobError {
  return error instanceof JobError && error.reason === "RateLimited";
}

function pausedError(host: string, wait: number): JobError {
  const seconds = Math.ceil(wait / 1000);
  return new JobError("RateLimited", `${host} asked for fewer requests and gets none for ${seconds} s`, {
    retryAfter: wait,
    host,
  });
}
