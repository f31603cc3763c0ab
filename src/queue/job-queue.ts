import type { FailureReason } from "../core/errors.ts";
import type { Job } from "../core/job.ts";

export const jobStates = ["waiting", "running", "done", "failed", "dismissed"] as const;
export type JobState = (typeof jobStates)[number];

/** What a handler leaves behind in the record. Plain JSON, without secrets. */
export interface JobResult {
  /** The image as it was submitted. */
  readonly output?: string;
  readonly base?: string;
  readonly analyses: readonly { readonly of: string; readonly id: string; readonly cached: boolean }[];
  /** What a person should know: "not pinned", a base image left out. */
  readonly notes: readonly string[];
  readonly link?: string;
}

/** Everything the queue remembers of a job. Times are milliseconds since the epoch. */
export interface JobRecord {
  readonly job: Job;
  readonly state: JobState;
  /** Attempts begun; those interrupted by a stop or a crash do not count as failures. */
  readonly attempts: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** When it is tried next; only while waiting. */
  readonly dueAt?: number;
  readonly error?: { readonly reason: FailureReason; readonly message: string };
  readonly result?: JobResult;
}

/** How one attempt ended, told once for every attempt. */
export interface AttemptReport {
  readonly record: JobRecord;
  /** `interrupted`: the bot stopped or crashed under it; it runs again and nothing counts against it. */
  readonly outcome: "done" | "failed" | "retrying" | "interrupted";
  readonly milliseconds: number;
}

/**
 * Runs a job. Resolving means done; a `JobError` says whether it is final or tried again; anything else thrown is tried again. The signal
 * fires at the job's deadline and at shutdown: the handler then ends its children and settles.
 */
export type JobHandler = (job: Job, signal: AbortSignal) => Promise<JobResult>;

/** Durable work, and the memory of it. `test/queue/job-queue.contract.ts` holds every implementation to these promises. */
export interface JobQueue {
  /**
   * Takes a job in and resolves once it would survive a power cut. A known id is not taken again, and neither is an image alone (no build)
   * whose repository and digest an earlier job covered. Either way the job counts as seen now.
   */
  add(job: Job): Promise<"added" | "already-known">;
  /** Starts running jobs: those of live causes before those of a scan, else oldest first. Called once. */
  work(handle: JobHandler, report?: (attempt: AttemptReport) => void): void;
  /** Rejects when the queue can no longer work (its ledger failed); resolves after `stop`. */
  readonly ended: Promise<void>;
  /** Resolves when no job waits or runs. */
  idle(): Promise<void>;
  counts(): Readonly<Record<JobState, number>>;
  /** Records, last changed first. `before` continues a listing below the record of that id. */
  recent(limit: number, filter?: { readonly state?: JobState; readonly before?: string }): readonly JobRecord[];
  find(id: string): JobRecord | undefined;
  /** Makes an ended or waiting job due now, its age counted anew; false when there is none or it runs. */
  retry(id: string): Promise<boolean>;
  /** Ends a waiting or failed job for good; false when there is none, it runs or is done. */
  dismiss(id: string): Promise<boolean>;
  /** Forgets done and dismissed jobs that ended before one time and were last seen (`add`) before another; answers how many. Failed ones stay. */
  forget(limits: { readonly endedBefore: number; readonly seenBefore: number }): Promise<number>;
  /** Starts no further job, gives the running ones so many milliseconds, then interrupts them; they run again next time. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Stops at once and releases everything. */
  close(): Promise<void>;
}
