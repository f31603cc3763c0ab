import type { DatabaseSync } from "node:sqlite";
import type { Job } from "../../../core/jobs/job.ts";
import { type Pool, poolOf, pools } from "../../dispatching/pools.ts";

/** Moves jobs that wait, or that a person can retry from another process, to the places that today's settings give them. */
export function reassignment(connection: DatabaseSync, isSlow: ((job: Job) => boolean) | undefined): () => void {
  const open = "outcome IN ('waiting', 'failed')";
  const jobs = connection.prepare(`SELECT number, job, pool FROM jobs WHERE ${open}`);
  const move = connection.prepare("UPDATE jobs SET pool = ?2 WHERE number = ?1");
  const reset = connection.prepare(`UPDATE jobs SET pool = ${pools.usual} WHERE ${open} AND pool <> ${pools.usual}`);

  function misplaced(): readonly (readonly [number, Pool])[] {
    const moves: (readonly [number, Pool])[] = [];
    for (const { number, job, pool } of jobs.iterate()) {
      const wanted = poolOf(JSON.parse(String(job)) as Job, isSlow);
      if (wanted !== pool) moves.push([Number(number), wanted]);
    }
    return moves;
  }

  return () => {
    if (!isSlow) reset.run();
    else for (const [number, pool] of misplaced()) move.run(number, pool);
  };
}
