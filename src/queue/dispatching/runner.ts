import PQueue from "p-queue";
import type { Clock } from "../../core/clock.ts";
import type { JobHandler } from "../job-queue.ts";
import { type Attempt, type AttemptEnd, startAttempt } from "./attempt.ts";
import { type Room, roomsOf } from "./pools.ts";
import type { Claim, Places, RunningJobs } from "./store.ts";

export interface RunnerSettings {
  /** Places in each room of an analyzer. */
  readonly workers: number;
  /** Present if slow jobs have a separate room. */
  readonly isSlow?: unknown;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  readonly clock: Clock;
  /** Called when the last attempt is recorded. */
  readonly rested: () => void;
}

/** The places in which attempts run. */
export interface Runner {
  /** The rooms of every analyzer, and what holds places in them now. */
  occupied(): Pick<Places, "rooms" | "running">;
  /** Whether an attempt runs or is being recorded. */
  isBusy(): boolean;
  /** Runs a job in its pool's room. When the attempt has ended, its place is free and `record` is called. Rejects only as `record` does. */
  run(
    claim: Pick<Claim, "job" | "analyzer" | "tenant" | "pool" | "token">,
    handle: JobHandler,
    record: (end: AttemptEnd) => Promise<void>,
  ): Promise<void>;
  /** Interrupts every attempt, now and later. With tokens, only attempts with these claims. */
  interrupt(tokens?: readonly string[]): void;
  /** Resolves when nothing runs and everything is recorded. */
  onIdle(): Promise<void>;
}

interface Occupied {
  readonly room: Room;
  /** How many jobs of each tenant run there. */
  readonly running: Map<string, number>;
}

export function createRunner(settings: RunnerSettings): Runner {
  const { jobTimeout, clock, rested } = settings;
  const rooms = roomsOf(settings);
  const occupied = new Map<string, readonly Occupied[]>();
  const pool = new PQueue({ concurrency: Number.POSITIVE_INFINITY });
  const attempts = new Map<Attempt, string>();
  let interrupting = false;
  pool.addEventListener("idle", rested);

  function roomsFor(analyzer: string): readonly Occupied[] {
    const known = occupied.get(analyzer);
    if (known) return known;
    const made = rooms.map((room) => ({ room, running: new Map<string, number>() }));
    occupied.set(analyzer, made);
    return made;
  }

  function running(): readonly RunningJobs[] {
    return [...occupied].flatMap(([analyzer, all]) =>
      all.flatMap(({ room, running: here }) => [...here].map(([tenant, jobs]) => ({ analyzer, room, tenant, jobs }))),
    );
  }

  async function attempt({ job, token }: Pick<Claim, "job" | "token">, handle: JobHandler): Promise<AttemptEnd> {
    if (interrupting) return { kind: "interrupted" };
    const started = startAttempt(job, handle, clock, jobTimeout);
    attempts.set(started, token);
    const end = await started.ended;
    attempts.delete(started);
    return end;
  }

  return {
    occupied: () => ({ rooms, running: running() }),
    isBusy: () => pool.pending + pool.size > 0,
    run(claim, handle, record) {
      const { analyzer, tenant } = claim;
      const places = roomsFor(analyzer).find(({ room }) => room.includes(claim.pool));
      if (places) occupy(places, tenant, 1);
      return pool.add(async () => {
        const end = await attempt(claim, handle);
        if (places) occupy(places, tenant, -1);
        await record(end);
      });
    },
    interrupt(tokens) {
      interrupting ||= tokens === undefined;
      for (const [started, token] of attempts) if (tokens === undefined || tokens.includes(token)) started.interrupt();
    },
    onIdle: () => pool.onIdle(),
  };
}

function occupy({ running }: Occupied, tenant: string, by: 1 | -1): void {
  const jobs = (running.get(tenant) ?? 0) + by;
  if (jobs > 0) running.set(tenant, jobs);
  else running.delete(tenant);
}
