import type { Job } from "../../core/jobs/job.ts";
import { outcomeOf } from "../../core/jobs/job-outcome.ts";
import { digestOfText } from "../derived.ts";
import { type Pool, pools } from "../dispatching/pools.ts";
import type { JobQueue, JobResult, JobState } from "../job-queue.ts";
import type { Connection } from "./connection.ts";
import { clean } from "./texts.ts";

export interface CorrectionSettings {
  readonly queue: string;
  /** Absent if it is not known which jobs are slow for the bots. */
  readonly assign: ((job: Job) => Pool) | undefined;
  readonly now: () => number | null;
  /** Called when jobs can be due. */
  readonly changed: () => void;
}

/** Rows that one statement changes. A large clean-up must not block others. */
const batch = 500;

/** How long tags are remembered after their jobs, in milliseconds. */
const tagsRemembered = 180 * 24 * 3_600_000;

/** Changes of jobs by people and by housekeeping. */
export function createCorrections(
  connection: Connection,
  { queue, assign, now, changed }: CorrectionSettings,
): Pick<JobQueue, "amend" | "retry" | "dismiss" | "forget" | "tags"> {
  return {
    amend: (id, change) => amend(connection, queue, id, change),
    async retry(id) {
      const retried = await connection.ask(async ({ run }) => {
        const [row] = assign
          ? await run<{ job: string }>("SELECT job FROM build_watcher.jobs WHERE queue = $1 AND id = $2", [queue, id])
          : [];
        const pool = row ? (assign?.(JSON.parse(row.job) as Job) ?? null) : null;
        const [answer] = await run<{ ok: boolean }>("SELECT build_watcher.retry_job($1, $2, $3, $4) AS ok", [
          queue,
          id,
          now(),
          pool,
        ]);
        return answer?.ok === true;
      });
      changed();
      return retried;
    },
    async dismiss(id) {
      const rows = await connection.ask(({ run }) =>
        run(
          `UPDATE build_watcher.jobs SET state = 'dismissed', due_at = NULL, again = false, updated_at = coalesce($3, build_watcher.now_ms())
           WHERE queue = $1 AND id = $2 AND outcome IN ('waiting', 'failed', 'analysis-failed') RETURNING number`,
          [queue, id, now()],
        ),
      );
      changed();
      return rows.length > 0;
    },
    forget: (limits) => forget(connection, queue, limits),
    tags: {
      latest: (tag, { digest, completedAt }) =>
        connection.ask(async ({ run }) => {
          const [row] = await run<{ digest: typeof digest }>(
            `INSERT INTO build_watcher.tags AS tag VALUES ($1, $2, $3) ON CONFLICT (tag) DO UPDATE SET
               digest = CASE WHEN excluded.completed_at >= tag.completed_at THEN excluded.digest ELSE tag.digest END,
               completed_at = greatest(excluded.completed_at, tag.completed_at)
             RETURNING digest`,
            [tag, digest, completedAt],
          );
          return row?.digest ?? digest;
        }),
    },
  };
}

function amend(connection: Connection, queue: string, id: string, change: (result: JobResult) => JobResult): Promise<boolean> {
  return connection.ask(({ transaction }) =>
    transaction(async (run) => {
      const [row] = await run<{ number: number; result: string }>(
        "SELECT number, result FROM build_watcher.jobs WHERE queue = $1 AND id = $2 AND result IS NOT NULL FOR UPDATE",
        [queue, id],
      );
      if (!row) return false;
      const result = JSON.parse(row.result) as JobResult;
      const changed = change(result);
      if (changed === result) return true;
      await run(
        `UPDATE build_watcher.jobs SET result = $2, analysis = $3, output_digest = coalesce(output_digest, $4), base_digest = coalesce(base_digest, $5)
         WHERE number = $1`,
        [
          row.number,
          JSON.stringify(changed),
          outcomeOf("done", changed),
          clean(digestOfText(changed.output)),
          clean(digestOfText(changed.base)),
        ],
      );
      return true;
    }),
  );
}

async function forget(connection: Connection, queue: string, limits: Parameters<JobQueue["forget"]>[0]): Promise<number> {
  const { endedBefore, seenBefore } = limits;
  const states: readonly JobState[] = limits.failed ? ["done", "dismissed", "failed"] : ["done", "dismissed"];
  const before = Math.min(endedBefore, seenBefore) - tagsRemembered;
  await connection.ask(({ run }) => run("DELETE FROM build_watcher.tags WHERE completed_at < $1", [before]));
  let forgotten = 0;
  for (const state of states) {
    for (let last = batch; last === batch; forgotten += last) {
      const rows = await connection.ask(({ run }) =>
        run(
          `DELETE FROM build_watcher.jobs WHERE number IN (SELECT number FROM build_watcher.jobs
             WHERE queue = $1 AND state = $2 AND updated_at < $3 AND seen_at < $4 ORDER BY updated_at, number LIMIT ${batch} FOR UPDATE SKIP LOCKED)
           RETURNING number`,
          [queue, state, endedBefore, seenBefore],
        ),
      );
      last = rows.length;
    }
  }
  return forgotten;
}

/** Moves jobs that wait, or that a person can retry, to the places that today's settings give them. */
export async function reassign(
  connection: Connection,
  queue: string,
  isSlow: ((job: Job) => boolean) | undefined,
): Promise<void> {
  const open = "queue = $1 AND state IN ('waiting', 'failed')";
  if (!isSlow) {
    const reset = `UPDATE build_watcher.jobs SET pool = ${pools.usual} WHERE ${open} AND pool <> ${pools.usual}`;
    await connection.ask(({ run }) => run(reset, [queue]));
    return;
  }
  for (let last: number | undefined = 0; last !== undefined; ) {
    const rows = await connection.ask(({ run }) =>
      run<{ number: number; job: string; pool: Pool }>(
        `SELECT number, job, pool FROM build_watcher.jobs WHERE ${open} AND number > $2 ORDER BY number LIMIT ${batch}`,
        [queue, last],
      ),
    );
    const wanted = rows.map(({ number, job, pool }) => ({
      number,
      pool,
      wanted: isSlow(JSON.parse(job) as Job) ? pools.slow : pools.usual,
    }));
    const moves = wanted.filter((row) => row.wanted !== row.pool);
    if (moves.length > 0) {
      const move = `UPDATE build_watcher.jobs SET pool = moved.pool FROM jsonb_to_recordset($2) AS moved (number bigint, pool smallint)
        WHERE jobs.number = moved.number AND ${open}`;
      const values = JSON.stringify(moves.map((row) => ({ number: row.number, pool: row.wanted })));
      await connection.ask(({ run }) => run(move, [queue, values]));
    }
    last = rows.length === batch ? rows.at(-1)?.number : undefined;
  }
}
