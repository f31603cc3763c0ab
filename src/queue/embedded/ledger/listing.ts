import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { mentions } from "../../../core/jobs/search.ts";
import type { JobQueue, JobRecord, JobState, LookedAt, RecordFilter } from "../../job-queue.ts";
import { type JobRow, likePattern, recordColumns, toRecord } from "../../rows.ts";
import type { AtOnce } from "../at-once.ts";

/** Lists records page by page, and counts them. */
export function createListing(
  connection: DatabaseSync,
  rowOf: (id: string) => JobRow | undefined,
): AtOnce<Pick<JobQueue, "recent" | "look" | "count">> {
  const statements = new Map<string, StatementSync>();

  function statement(sql: string): StatementSync {
    const known = statements.get(sql) ?? connection.prepare(sql);
    statements.set(sql, known);
    return known;
  }

  function prepared(conditions: string): StatementSync {
    return statement(`SELECT ${recordColumns} FROM jobs WHERE ${conditions} ORDER BY updated_at DESC, number DESC LIMIT ?`);
  }

  function count(most: number, filter: RecordFilter = {}): number {
    const conditions = conditionsOf(filter);
    const where = conditions.map(({ sql }) => sql).join(" AND ") || "TRUE";
    const values = conditions.flatMap((condition) => condition.values);
    if (filter.text !== undefined) return mentioning(filter.text, prepared(where).iterate(...values, -1), most).length;
    const counting = connection.prepare(`SELECT count(*) AS jobs FROM (SELECT 1 FROM jobs WHERE ${where} LIMIT ?)`);
    return Number(counting.get(...values, most)?.jobs);
  }

  function recent(limit: number, filter: RecordFilter = {}): readonly JobRecord[] {
    const above = position(filter, rowOf);
    if (!above || !(limit >= 1)) return [];
    const conditions = [...conditionsOf(filter), above];
    const rows = prepared(conditions.map(({ sql }) => sql).join(" AND "));
    const values = conditions.flatMap((condition) => condition.values);
    const wanted = Math.floor(Math.min(limit, Number.MAX_SAFE_INTEGER));
    const { text } = filter;
    if (text === undefined) return (rows.all(...values, wanted) as unknown as JobRow[]).map((row) => toRecord(row));
    return mentioning(text, rows.iterate(...values, -1), wanted);
  }

  function look(limit: number, looked: number, filter: RecordFilter = {}): LookedAt {
    const above = position(filter, rowOf);
    if (!above) return { records: [] };
    const { state, namespace, buildConfig, changedSince, ...others } = filter;
    const narrowed = Object.entries({ state, namespace, buildConfig, changedSince }).filter(([, value]) => value !== undefined);
    const [inner, outer] = [conditionsOf(Object.fromEntries(narrowed)), conditionsOf(others)];
    const within = [...inner, above];
    const order = "ORDER BY updated_at DESC, number DESC";
    const from = `FROM jobs WHERE ${whereOf(within)} ${order}`;
    const rows = statement(`SELECT ${recordColumns} FROM (SELECT * ${from} LIMIT ?) WHERE ${whereOf(outer)} ${order} LIMIT ?`);
    const last = statement(`SELECT id, updated_at ${from} LIMIT 1 OFFSET ?`);
    const given = [...valuesOf(within), looked];
    // Some of these records do not mention the text after all.
    const found = rows.iterate(...given, ...valuesOf(outer), filter.text === undefined ? limit : -1);
    const records =
      filter.text === undefined
        ? [...found].map((row) => toRecord(row as unknown as JobRow))
        : mentioning(filter.text, found, limit);
    const end = last.get(...valuesOf(within), looked - 1);
    return { records, ...(end && { rest: { before: String(end.id), beforeTime: Number(end.updated_at) } }) };
  }
  return { recent, look, count };
}

function whereOf(conditions: readonly Condition[]): string {
  return conditions.map(({ sql }) => sql).join(" AND ") || "TRUE";
}

function valuesOf(conditions: readonly Condition[]): readonly SQLInputValue[] {
  return conditions.flatMap(({ values }) => values);
}

function mentioning(text: string, rows: Iterable<unknown>, wanted: number): readonly JobRecord[] {
  const found: JobRecord[] = [];
  for (const row of rows) {
    const record = toRecord(row as JobRow);
    if (mentions(record, text) && found.push(record) === wanted) break;
  }
  return found;
}

interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** Undefined if the record to continue after is gone. */
function position({ before, beforeTime }: RecordFilter, rowOf: (id: string) => JobRow | undefined): Condition | undefined {
  const row = before === undefined ? { updated_at: Number.MAX_SAFE_INTEGER, number: 0 } : rowOf(before);
  return row && { sql: "(updated_at, number) < (?, ?)", values: [beforeTime ?? row.updated_at, row.number] };
}

function conditionsOf({ state, namespace, buildConfig, text, without = [], ...filter }: RecordFilter): readonly Condition[] {
  // The plus prevents use of that column's index: a namespace or BuildConfig has fewer jobs than a state.
  const isNarrow = namespace !== undefined || buildConfig !== undefined;
  return [
    ...equal("namespace", namespace),
    ...equal("build_config", buildConfig),
    ...(isNarrow ? equal("state", state) : inState(state)),
    ...equal(isNarrow ? "+outcome" : "outcome", filter.outcome),
    ...equal("analyzer", filter.analyzer),
    ...equal("+error_reason", filter.reason),
    ...equal("+error_host", filter.host),
    ...equal("cause", filter.cause),
    ...(filter.changedSince === undefined ? [] : [{ sql: "updated_at >= ?", values: [filter.changedSince] }]),
    ...without.map(waitingFor),
    ...(text === undefined ? [] : [candidates(text)]),
  ];
}

/** Done jobs have an index of their own; a job in another state has it as its outcome. */
function inState(state: JobState | undefined): readonly Condition[] {
  return state === "done" ? [{ sql: "state = 'done'", values: [] }] : equal("outcome", state);
}

function equal(column: string, value: string | undefined): readonly Condition[] {
  return value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }];
}

function waitingFor({ reason, host = null }: { readonly reason: string; readonly host?: string | null }): Condition {
  const sql = "NOT (state IN ('waiting', 'running') AND +error_reason IS ? AND +error_host IS ?)";
  return { sql, values: [reason, host] };
}

function candidates(text: string): Condition {
  const pattern = likePattern(text);
  return {
    sql: "(job LIKE ? ESCAPE '~' OR error_message LIKE ? ESCAPE '~' OR error_reason LIKE ? ESCAPE '~')",
    values: [pattern, pattern, pattern],
  };
}
