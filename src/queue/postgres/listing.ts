import { mentions } from "../../core/jobs/search.ts";
import type { JobQueue, JobRecord, RecordFilter } from "../job-queue.ts";
import { type JobRow, likePattern, recordColumns, toRecord } from "../rows.ts";
import type { Connection } from "./connection.ts";

const order = "ORDER BY updated_at DESC, number DESC";

/** Rows that are read at once in a search for a text. Some rows that the database finds do not mention it after all. */
const page = 200;

/** Lists records page by page, and counts them. */
export function createListing(connection: Connection, queue: string): Pick<JobQueue, "recent" | "look" | "count"> {
  const reading = createReading(connection, queue);
  const { read, position, mentioning } = reading;

  async function count(most: number, filter: RecordFilter = {}): Promise<number> {
    const conditions = conditionsOf(queue, filter);
    if (filter.text !== undefined) return (await mentioning(filter.text, conditions, most)).length;
    const { sql, values } = all(conditions);
    const counting = `SELECT count(*) AS jobs FROM (SELECT 1 FROM build_watcher.jobs WHERE ${sql} LIMIT ${limitOf(most)}) AS counted`;
    return (await read<{ jobs: number }>(counting, values))[0]?.jobs ?? 0;
  }

  async function recent(limit: number, filter: RecordFilter = {}): Promise<readonly JobRecord[]> {
    const above = limit >= 1 ? await position(filter) : undefined;
    if (!above) return [];
    const conditions = [...conditionsOf(queue, filter), above];
    if (filter.text !== undefined) return mentioning(filter.text, conditions, limitOf(limit));
    const { sql, values } = all(conditions);
    const rows = await read<JobRow>(
      `SELECT ${recordColumns} FROM build_watcher.jobs WHERE ${sql} ${order} LIMIT ${limitOf(limit)}`,
      values,
    );
    return rows.map((row) => toRecord(row));
  }

  return { count, recent, look: (limit, looked, filter) => look(reading, queue, { limit, looked, filter: filter ?? {} }) };
}

interface Looking {
  readonly limit: number;
  readonly looked: number;
  readonly filter: RecordFilter;
}

interface LookedRow extends JobRow {
  readonly id: string;
  readonly fits: boolean;
  readonly place: number;
}

async function look(
  { read, position }: Reading,
  queue: string,
  { limit, looked, filter }: Looking,
): ReturnType<JobQueue["look"]> {
  const above = await position(filter);
  if (!above) return { records: [] };
  const { state, namespace, buildConfig, changedSince, ...others } = filter;
  const narrowed = Object.entries({ state, namespace, buildConfig, changedSince }).filter(([, value]) => value !== undefined);
  const inner = all([...conditionsOf(queue, Object.fromEntries(narrowed)), above]);
  const outer = all(conditionsOf(queue, others), inner.values.length);
  const rows = await read<LookedRow>(
    `SELECT ${recordColumns}, id, place, ${outer.sql} AS fits FROM (SELECT *, row_number() OVER (${order}) AS place
       FROM (SELECT * FROM build_watcher.jobs WHERE ${inner.sql} ${order} LIMIT ${limitOf(looked)}) AS looked) AS seen
     WHERE place = ${limitOf(looked)} OR ${outer.sql} ${order}`,
    [...inner.values, ...outer.values],
  );
  const last = rows.find(({ place }) => place === looked);
  const records = rows.filter(({ fits }) => fits).map((row) => toRecord(row));
  const { text } = filter;
  const fitting = text === undefined ? records : records.filter((record) => mentions(record, text));
  return { records: fitting.slice(0, limit), ...(last && { rest: { before: last.id, beforeTime: last.updated_at } }) };
}

type Reading = ReturnType<typeof createReading>;

function createReading(connection: Connection, queue: string) {
  const read = <Row extends object>(sql: string, values: readonly unknown[]) =>
    connection.ask(({ run }) => run<Row>(sql, values));

  /** Undefined if the record to continue after is gone. */
  async function position({ before, beforeTime }: RecordFilter): Promise<Condition | undefined> {
    if (before === undefined) return { sql: "true", values: [] };
    const [row] = await read<Pick<JobRow, "number" | "updated_at">>(
      "SELECT number, updated_at FROM build_watcher.jobs WHERE queue = $1 AND id = $2",
      [queue, before],
    );
    return row && below({ ...row, updated_at: beforeTime ?? row.updated_at });
  }

  /** The records of a listing that mention the text, read page by page. */
  async function mentioning(text: string, conditions: readonly Condition[], wanted: number): Promise<readonly JobRecord[]> {
    const found: JobRecord[] = [];
    for (let last: Condition | undefined = { sql: "true", values: [] }; last; ) {
      const { sql, values } = all([...conditions, last]);
      const rows: readonly JobRow[] = await read<JobRow>(
        `SELECT ${recordColumns} FROM build_watcher.jobs WHERE ${sql} ${order} LIMIT ${page}`,
        values,
      );
      for (const row of rows) {
        const record = toRecord(row);
        if (mentions(record, text) && found.push(record) === wanted) return found;
      }
      const end = rows.length === page ? rows.at(-1) : undefined;
      last = end && below(end);
    }
    return found;
  }

  return { read, position, mentioning };
}

function limitOf(limit: number): number {
  return Math.max(Math.floor(Math.min(limit, 1_000_000_000)), 0);
}

/** SQL in which each question mark is the next value. */
interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

function all(conditions: readonly Condition[], before = 0): Condition {
  let number = before;
  const next = () => {
    number += 1;
    return `$${number}`;
  };
  const sql = conditions.map((condition) => condition.sql.replace(/\?/g, next)).join(" AND ");
  return { sql, values: conditions.flatMap(({ values }) => values) };
}

function below({ updated_at, number }: Pick<JobRow, "number" | "updated_at">): Condition {
  return { sql: "(updated_at, number) < (?::bigint, ?::bigint)", values: [updated_at, number] };
}

function conditionsOf(queue: string, { text, without = [], ...filter }: RecordFilter): readonly Condition[] {
  return [
    ...equal("queue", queue),
    ...equal("namespace", filter.namespace),
    ...equal("build_config", filter.buildConfig),
    // A done job has one of several outcomes. For any other job the outcome is its state.
    ...equal(filter.state === "done" ? "state" : "outcome", filter.state),
    ...equal("outcome", filter.outcome),
    ...equal("analyzer", filter.analyzer),
    ...equal("error_reason", filter.reason),
    ...equal("error_host", filter.host),
    ...equal("cause", filter.cause),
    ...(filter.changedSince === undefined ? [] : [{ sql: "updated_at >= ?::bigint", values: [filter.changedSince] }]),
    ...without.map(waitingFor),
    ...(text === undefined ? [] : [candidates(text)]),
  ];
}

function equal(column: string, value: string | undefined): readonly Condition[] {
  return value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }];
}

function waitingFor({ reason, host = null }: { readonly reason: string; readonly host?: string | null }): Condition {
  const sql =
    "NOT (state IN ('waiting', 'running') AND error_reason IS NOT DISTINCT FROM ? AND error_host IS NOT DISTINCT FROM ?)";
  return { sql, values: [reason, host] };
}

function candidates(text: string): Condition {
  const pattern = likePattern(text);
  return {
    sql: "(job ILIKE ? ESCAPE '~' OR error_message ILIKE ? ESCAPE '~' OR error_reason ILIKE ? ESCAPE '~')",
    values: [pattern, pattern, pattern],
  };
}
