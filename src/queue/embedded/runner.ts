import PQueue from "p-queue";
import type { Clock } from "../../core/clock.ts";
import type { Job } from "../../core/job.ts";
import type { JobHandler } from "../job-queue.ts";
import { type Attempt, type AttemptEnd, startAttempt } from "./attempt.ts";

export interface RunnerSettings {
  readonly workers: number;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  readonly clock: Clock;
  /** Called when the last attempt is recorded. */
  readonly rested: () => void;
}

/** The places in which attempts run. */
export interface Runner {
  freePlaces(): number;
  /** Whether an attempt runs or is being recorded. */
  isBusy(): boolean;
  /** Runs a job; its place is free again when the attempt ended, and `record` is called then. Rejects only as `record` does. */
  run(job: Job, handle: JobHandler, record: (end: AttemptEnd) => Promise<void>): Promise<void>;
  /** Interrupts every attempt, now and from now on. */
  interrupt(): void;
  /** Resolves when nothing runs and all is recorded. */
  onIdle(): Promise<void>;
}

export function createRunner({ workers, jobTimeout, clock, rested }: RunnerSettings): Runner {
  const pool = new PQueue({ concurrency: workers });
  const attempts = new Set<Attempt>();
  let occupied = 0;
  let interrupting = false;
  pool.addEventListener("idle", rested);

  async function attempt(job: Job, handle: JobHandler): Promise<AttemptEnd> {
    if (interrupting) return { kind: "interrupted" };
    const started = startAttempt(job, handle, clock, jobTimeout);
    attempts.add(started);
    const end = await started.ended;
    attempts.delete(started);
    return end;
  }

  return {
    freePlaces: () => workers - occupied,
    isBusy: () => pool.pending + pool.size > 0,
    run(job, handle, record) {
      occupied += 1;
      return pool.add(async () => {
        const end = await attempt(job, handle);
        occupied -= 1;
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
