import PQueue from "p-queue";
import type { Clock } from "../../core/clock.ts";
import type { JobHandler } from "../job-queue.ts";
import { type Attempt, type AttemptEnd, startAttempt } from "./attempt.ts";
import type { Claim } from "./claims.ts";
import { type Room, roomsOf } from "./pools.ts";

export interface RunnerSettings {
  /** Places in each room. */
  readonly workers: number;
  /** Present when slow jobs have a room of their own. */
  readonly isSlow?: unknown;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  readonly clock: Clock;
  /** Called when the last attempt is recorded. */
  readonly rested: () => void;
}

/** A room, and how many of its places are free now. */
export interface OpenRoom {
  readonly room: Room;
  readonly free: number;
}

/** The places in which attempts run. */
export interface Runner {
  /** Rooms with a place free. */
  openRooms(): readonly OpenRoom[];
  /** Whether an attempt runs or is being recorded. */
  isBusy(): boolean;
  /** Runs a job in its pool's room; its place is free again when the attempt ended, and `record` is called then. Rejects only as `record` does. */
  run(claim: Pick<Claim, "job" | "pool">, handle: JobHandler, record: (end: AttemptEnd) => Promise<void>): Promise<void>;
  /** Interrupts every attempt, now and from now on. */
  interrupt(): void;
  /** Resolves when nothing runs and all is recorded. */
  onIdle(): Promise<void>;
}

export function createRunner(settings: RunnerSettings): Runner {
  const { workers, jobTimeout, clock, rested } = settings;
  const rooms = roomsOf(settings).map((room) => ({ room, free: workers }));
  const pool = new PQueue({ concurrency: workers * rooms.length });
  const attempts = new Set<Attempt>();
  let interrupting = false;
  pool.addEventListener("idle", rested);

  async function attempt(job: Claim["job"], handle: JobHandler): Promise<AttemptEnd> {
    if (interrupting) return { kind: "interrupted" };
    const started = startAttempt(job, handle, clock, jobTimeout);
    attempts.add(started);
    const end = await started.ended;
    attempts.delete(started);
    return end;
  }

  return {
    openRooms: () => rooms.filter(({ free }) => free > 0),
    isBusy: () => pool.pending + pool.size > 0,
    run(claim, handle, record) {
      const places = rooms.find(({ room }) => room.includes(claim.pool));
      if (places) places.free -= 1;
      return pool.add(async () => {
        const end = await attempt(claim.job, handle);
        if (places) places.free += 1;
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
