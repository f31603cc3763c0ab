import type { Job } from "../../core/jobs/job.ts";

/** Kinds of jobs that never wait for each other's places, by the number in the ledger. */
export const pools = { usual: 0, slow: 1 } as const;
export type Pool = (typeof pools)[keyof typeof pools];

/** Pools that share `workers` places. */
export type Room = readonly Pool[];

export const allPools: Room = Object.values(pools);

/** Slow jobs have a separate room if the settings say which jobs are slow. */
export function roomsOf({ isSlow }: { readonly isSlow?: unknown }): readonly Room[] {
  return isSlow ? allPools.map((pool) => [pool]) : [allPools];
}

/** A job's pool by today's settings. */
export function poolOf(job: Job, isSlow: ((job: Job) => boolean) | undefined): Pool {
  return isSlow?.(job) ? pools.slow : pools.usual;
}

/** In the order in which jobs are taken: new builds, a backlog, a scan, and jobs during which the bot crashed. */
export const lanes = { live: 0, backlog: 1, scan: 2, suspect: 3 } as const;

/** Where a new job waits. */
export function laneOf({ cause }: Pick<Job, "cause">, backlog = false): number {
  return cause === "scan" ? lanes.scan : backlog ? lanes.backlog : lanes.live;
}
