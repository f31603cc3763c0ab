import type { Clock } from "../core/clock.ts";
import type { Job } from "../core/jobs/job.ts";
import type { Backoff } from "../core/jobs/retry.ts";
import type { QueuedWork } from "./job-queue.ts";

/** How a queue runs its jobs, in every kind of storage. */
export interface WorkSettings<Work extends QueuedWork = Job> {
  /** Jobs that run in parallel for each analyzer. With `isSlow`, as many slow ones run besides. */
  readonly workers: number;
  /** How many of these places the jobs of one namespace can hold (of one repository, for images without a build). Default: all. */
  readonly perTenant?: number | undefined;
  /** Whether a job takes long. Such jobs have separate places, so that others do not wait for them. Default: no job is slow. */
  readonly isSlow?: ((work: Work) => boolean) | undefined;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  /** How long (ms) a job is retried after its first failure before it is given up. */
  readonly giveUpAfter: number;
  /** The delays of a failed job. Default: `jobBackoff`. */
  readonly backoff?: Backoff;
  readonly clock?: Clock;
  /** In [0, 1), for the jitter of delays. */
  readonly random?: () => number;
}
