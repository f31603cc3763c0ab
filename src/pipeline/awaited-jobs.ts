import { aborted, type Clock, sleep } from "../core/clock.ts";
import type { Job } from "../core/jobs/job.ts";
import type { Adding, AttemptReport, JobQueue } from "../queue/job-queue.ts";
import { whileReachable } from "./while-reachable.ts";

/** The jobs a command took in and waits for. */
export interface AwaitedJobs {
  /** Adds a job and waits for it. A known job counts only if it is taken in again. Returns whether it was taken in. */
  take(job: Job, how?: Adding): Promise<boolean>;
  /** Call with every attempt. */
  onAttempt(attempt: AttemptReport): void;
  /** Resolves when all have ended, or the signal fires. Counts how they ended. */
  settled(signal: AbortSignal): Promise<{ readonly done: number; readonly failed: number }>;
}

/** Milliseconds between two looks for jobs that other bots ended, and how many are looked for. */
const lookInterval = 2_000;
const mostLooked = 200;

export function createAwaitedJobs(
  queue: Pick<JobQueue, "add" | "known" | "idle" | "find" | "replicas">,
  clock: Clock,
): AwaitedJobs {
  const awaited = new Set<string>();
  const { promise: allEnded, resolve: endAll } = Promise.withResolvers<void>();
  let complete = false;
  const ended = { done: 0, failed: 0 };
  // A job can end before `add` has answered.
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

  /** Looks for the jobs that other bots ended, where there are any. */
  async function endedElsewhere(signal: AbortSignal): Promise<void> {
    while (awaited.size > 0 && !signal.aborted) {
      await sleep(clock, lookInterval, signal);
      await whileReachable(countOthers);
    }
  }

  async function countOthers(): Promise<void> {
    if ((await queue.replicas()).every(({ isSelf }) => isSelf)) return;
    for (const id of [...awaited].slice(0, mostLooked)) {
      const { state } = (await queue.find(id)) ?? { state: "dismissed" };
      if (state === "waiting" || state === "running" || !awaited.delete(id)) continue;
      if (state === "done" || state === "failed") ended[state] += 1;
    }
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
      if (awaited.size > 0) await Promise.race([allEnded, queue.idle(), aborted(signal), endedElsewhere(signal)]);
      return ended;
    },
  };
}
