import { coveredImage, groupOf } from "../../core/jobs/job.ts";
import type { JobQueue, QueuedWork, QueueReads, Tally } from "../job-queue.ts";
import { countsOf, type GroupRow, type JobRow, recordColumns, toGroup, toRecord } from "../rows.ts";
import type { Connection } from "./connection.ts";
import { createListing } from "./listing.ts";

/** Reads what the database remembers, as `JobQueue` promises it. */
export type Records = Pick<JobQueue, QueueReads>;

const select = `SELECT ${recordColumns} FROM build_watcher.jobs WHERE queue = $1`;

const images = {
  output: "output_digest = $2",
  base: "base_digest = $2",
  input: "number IN (SELECT number FROM build_watcher.inputs WHERE digest = $2)",
};

const counted = `SELECT analyzer, outcome, sum(jobs)::bigint AS jobs FROM (
    SELECT analyzer, outcome, jobs FROM build_watcher.tally WHERE queue = $1
    UNION ALL SELECT analyzer, outcome, count(*) FROM build_watcher.jobs WHERE queue = $1 AND state IN ('waiting', 'running') GROUP BY analyzer, outcome
  ) AS counted GROUP BY analyzer, outcome HAVING sum(jobs) > 0`;

const failing = `SELECT CASE state WHEN 'failed' THEN 'failed' ELSE 'waiting' END AS state, analyzer, error_reason AS reason, error_host AS host,
    count(*) AS jobs, min(coalesce(failing_since, updated_at)) AS since, (array_agg(error_message ORDER BY updated_at DESC, number DESC))[1] AS message,
    min(namespace) AS first, max(namespace) AS last
  FROM build_watcher.jobs WHERE queue = $1 AND error_reason IS NOT NULL AND state IN ('waiting', 'running', 'failed')
  GROUP BY 1, error_reason, error_host, analyzer ORDER BY 1, error_reason, error_host, analyzer`;

const latest = `SELECT ${recordColumns} FROM build_watcher.jobs WHERE number IN (
    SELECT max(number) FROM build_watcher.jobs WHERE queue = $1 AND build_config > $2 GROUP BY build_config ORDER BY build_config LIMIT $3
  ) ORDER BY build_config`;

export function createRecords(connection: Connection, queue: string): Records {
  const read = <Row extends object>(sql: string, ...values: readonly unknown[]) =>
    connection.ask(({ run }) => run<Row>(sql, [queue, ...values]));
  const readRecords = async (sql: string, ...values: readonly unknown[]) =>
    (await read<JobRow>(sql, ...values)).map((row) => toRecord(row));
  const readTime = async (sql: string, ...values: readonly unknown[]) =>
    (await read<{ at: number | null }>(sql, ...values))[0]?.at ?? undefined;
  const tally = () => read<Tally>(counted);

  return {
    ...createListing(connection, queue),
    tally,
    async find(id) {
      return (await readRecords(`${select} AND id = $2`, id))[0];
    },
    async known(job) {
      const { analyzer = "" } = job as QueuedWork;
      const covers = job.build ? undefined : coveredImage(job);
      const known = "SELECT id FROM build_watcher.known_job($1, $2, $3, $4)";
      return (await readRecords(`${select} AND id = (${known})`, groupOf(job), analyzer, covers ?? null))[0];
    },
    ofGroups: (groups) => readRecords(`${select} AND group_id = ANY ($2::text[]) ORDER BY number`, [...groups]),
    counts: async () => countsOf(await tally()),
    failures: async () => (await read<GroupRow>(failing)).map(toGroup),
    withImage: (digest, as, limit, except = "") =>
      readRecords(`${select} AND ${images[as]} AND id <> $4 ORDER BY number DESC LIMIT $3`, digest, limit, except),
    lastOfBuildConfigs: (limit, after = "") => readRecords(latest, after, limit ?? null),
    oldestWaiting: () =>
      readTime("SELECT min(created_at + 0) AS at FROM build_watcher.jobs WHERE queue = $1 AND state = 'waiting'"),
    firstDue: (analyzer) =>
      analyzer === undefined
        ? readTime("SELECT min(due_at + 0) AS at FROM build_watcher.jobs WHERE queue = $1 AND state = 'waiting'")
        : readTime(
            "SELECT min(due_at + 0) AS at FROM build_watcher.jobs WHERE queue = $1 AND state = 'waiting' AND analyzer = $2",
            analyzer,
          ),
  };
}
