import PQueue from "p-queue";
import type { Clock } from "../../core/clock.ts";
import type { Claim } from "../embedded/claims.ts";
import type { JobHandler } from "../job-queue.ts";
import { type Attempt, type AttemptEnd, startAttempt } from "./attempt.ts";
import { type Room, roomsOf } from "./pools.ts";

export interface RunnerSettings {
  /** Places in each room of an analyzer. */
  readonly workers: number;
  /** Present when slow jobs have a room of their own. */
  readonly isSlow?: unknown;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  readonly clock: Clock;
  /** Called when the last attempt is recorded. */
  readonly rested: () => void;
}

/** A room, how many of its places are free now, and how many jobs of each tenant run there. */
export interface OpenRoom {
  readonly room: Room;
  readonly free: number;
  readonly running: ReadonlyMap<string, number>;
}

/** The places in which attempts run. */
export interface Runner {
  /** An analyzer's rooms with a place free: every analyzer has its own. */
  openRooms(analyzer: string): readonly OpenRoom[];
  /** Whether an attempt runs or is being recorded. */
  isBusy(): boolean;
  /** Runs a job in its pool's room; its place is free again when the attempt ended, and `record` is called then. Rejects only as `record` does. */
  run(
    claim: Pick<Claim, "job" | "analyzer" | "tenant" | "pool">,
    handle: JobHandler,
    record: (end: AttemptEnd) => Promise<void>,
  ): Promise<void>;
  /** Interrupts every attempt, now and from now on. */
  interrupt(): void;
  /** Resolves when nothing runs and all is recorded. */
  onIdle(): Promise<void>;
}

interface Places {
  readonly room: Room;
  free: number;
  readonly running: Map<string, number>;
}

export function createRunner(settings: RunnerSettings): Runner {
  const { workers, jobTimeout, clock, rested } = settings;
  const rooms = new Map<string, readonly Places[]>();
  const pool = new PQueue({ concurrency: Number.POSITIVE_INFINITY });
  const attempts = new Set<Attempt>();
  let interrupting = false;
  pool.addEventListener("idle", rested);

  function roomsFor(analyzer: string): readonly Places[] {
    const known = rooms.get(analyzer);
    if (known) return known;
    const made = roomsOf(settings).map((room) => ({ room, free: workers, running: new Map<string, number>() }));
    rooms.set(analyzer, made);
    return made;
  }

  async function attempt(job: Claim["job"], handle: JobHandler): Promise<AttemptEnd> {
    if (interrupting) return { kind: "interrupted" };
    const started = startAttempt(job, handle, clock, jobTimeout);
    attempts.add(started);
    const end = await started.ended;
    attempts.delete(started);
    return end;
  }

  return {
    openRooms: (analyzer) => roomsFor(analyzer).filter(({ free }) => free > 0),
    isBusy: () => pool.pending + pool.size > 0,
    run({ job, analyzer, tenant, pool: ofJob }, handle, record) {
      const places = roomsFor(analyzer).find(({ room }) => room.includes(ofJob));
      if (places) occupy(places, tenant, 1);
      return pool.add(async () => {
        const end = await attempt(job, handle);
        if (places) occupy(places, tenant, -1);
        await record(end);
      });
    },
    interrupt() {
      interrupting = true;
      for (const running of attempts) running.interrupt();
    },
    onIdle: () => pool.onIdle(),
  };
}

function occupy(places: Places, tenant: string, by: 1 | -1): void {
  places.free -= by;
  const running = (places.running.get(tenant) ?? 0) + by;
  if (running > 0) places.running.set(tenant, running);
  else places.running.delete(tenant);
}
