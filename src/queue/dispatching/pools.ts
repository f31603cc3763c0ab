import type { Job } from "../../core/jobs/job.ts";

/** Jobs that never wait for one another's places, by the number that lies in the ledger. */
export const pools = { usual: 0, slow: 1 } as const;
export type Pool = (typeof pools)[keyof typeof pools];

/** Pools that share `workers` places. */
export type Room = readonly Pool[];

export const allPools: Room = Object.values(pools);

/** Slow jobs have a room of their own where the settings tell them from others. */
export function roomsOf({ isSlow }: { readonly isSlow?: unknown }): readonly Room[] {
  return isSlow ? allPools.map((pool) => [pool]) : [allPools];
}

/** The pool of a job by today's settings. */
export function poolOf(job: Job, isSlow: ((job: Job) => boolean) | undefined): Pool {
  return isSlow?.(job) ? pools.slow : pools.usual;
}

/** In the order in which their jobs are taken: what happens now, a backlog, a scan, and what the bot crashed under. */
export const lanes = { live: 0, backlog: 1, scan: 2, suspect: 3 } as const;
