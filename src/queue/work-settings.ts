import type { Clock } from "../core/clock.ts";
import type { Job } from "../core/jobs/job.ts";
import type { Backoff } from "../core/jobs/retry.ts";
import type { QueuedWork } from "./job-queue.ts";

/** How a queue runs its jobs, whatever it keeps them in. */
export interface WorkSettings<Work extends QueuedWork = Job> {
  /** Jobs run at once for each analyzer; with `isSlow`, so many slow ones beside so many others. */
  readonly workers: number;
  /** How many of these places the jobs of one namespace (of images alone: repository) may hold at most. Default: all. */
  readonly perTenant?: number | undefined;
  /** Tells jobs that take long, and have places of their own so that no other waits behind them. Default: there are none. */
  readonly isSlow?: ((work: Work) => boolean) | undefined;
  /** Milliseconds one attempt may take. */
  readonly jobTimeout: number;
  /** Milliseconds of being tried, from its first failure, after which a job is given up. */
  readonly giveUpAfter: number;
  /** The delays of a failed job. Default: `jobBackoff`. */
  readonly backoff?: Backoff;
  readonly clock?: Clock;
  /** In [0, 1), for the jitter of delays. */
  readonly random?: () => number;
}
