import { aborted } from "../core/clock.ts";
import type { Job } from "../core/job.ts";
import type { Adding, AttemptReport, JobQueue } from "../queue/job-queue.ts";

/** The jobs a command took in and waits for. */
export interface AwaitedJobs {
  /** Adds a job and waits for it; a known one only when it is taken again. Whether it was taken. */
  take(job: Job, how?: Adding): Promise<boolean>;
  /** To be told of every attempt. */
  onAttempt(attempt: AttemptReport): void;
  /** Resolves when all have ended, or the signal fires; says how many of them did, and how. */
  settled(signal: AbortSignal): Promise<{ readonly done: number; readonly failed: number }>;
}

export function createAwaitedJobs(queue: Pick<JobQueue, "add" | "known" | "idle">): AwaitedJobs {
  const awaited = new Set<string>();
  const { promise: allEnded, resolve: endAll } = Promise.withResolvers<void>();
  let complete = false;
  const ended = { done: 0, failed: 0 };
  // A job can end before it is known by which record it was taken in.
  const early = new Map<string, "done" | "failed">();
  let taking = 0;

  async function idOf(job: Job): Promise<string> {
    return (await queue.known(job))?.job.id ?? job.id;
  }

  function expect(id: string): void {
    const outcome = early.get(id);
    if (outcome === undefined) awaited.add(id);
    else if (early.delete(id)) ended[outcome] += 1;
  }

  return {
    async take(job, how = {}) {
      taking += 1;
      try {
        if ((await queue.add(job, how)) === "already-known") return false;
        expect(await idOf(job));
        return true;
      } finally {
        taking -= 1;
        if (taking === 0) early.clear();
      }
    },
    onAttempt({ outcome, record }) {
      if (outcome !== "done" && outcome !== "failed") return;
      if (!awaited.delete(record.job.id)) return void (taking > 0 && early.set(record.job.id, outcome));
      ended[outcome] += 1;
      if (complete && awaited.size === 0) endAll();
    },
    async settled(signal) {
      complete = true;
      if (awaited.size > 0) await Promise.race([allEnded, queue.idle(), aborted(signal)]);
      return ended;
    },
  };
}
