import type { DatabaseSync } from "node:sqlite";
import type { FailureReason } from "../../core/errors.ts";
import type { Job } from "../../core/job.ts";
import { type JobRecord, type JobResult, type JobState, jobStates } from "../job-queue.ts";
import { explain } from "./ledger-error.ts";

/** A row of the table `jobs`, as far as the records need it. */
export interface JobRow {
  readonly number: number;
  readonly job: string;
  readonly state: JobState;
  readonly attempts: number;
  readonly failures: number;
  readonly failing_since: number | null;
  readonly crashes: number;
  readonly due_at: number | null;
  readonly error_reason: FailureReason | null;
  readonly error_message: string | null;
  readonly result: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

export const recordColumns =
  "number, job, state, attempts, failures, failing_since, crashes, due_at, error_reason, error_message, result, created_at, updated_at";

/** What the ledger remembers, for reading. */
export interface Records {
  find(id: string): JobRecord | undefined;
  /** Last changed first; `before` is the id of the last record of the page before. */
  recent(limit: number, filter?: { readonly state?: JobState; readonly before?: string }): readonly JobRecord[];
  counts(): Readonly<Record<JobState, number>>;
}

/** Reads the table `jobs`; whatever goes wrong is thrown as a `LedgerError` that names the file. */
export function createRecords(connection: DatabaseSync, file: string): Records {
  const select = `SELECT ${recordColumns} FROM jobs`;
  const page = "(updated_at, number) < (?, ?) ORDER BY updated_at DESC, number DESC LIMIT ?";
  const byId = connection.prepare(`${select} WHERE id = ?`);
  const all = connection.prepare(`${select} WHERE ${page}`);
  const inState = connection.prepare(`${select} WHERE state = ? AND ${page}`);
  const counted = connection.prepare("SELECT state, jobs FROM counts");

  return {
    find: explained(file, (id) => {
      const row = byId.get(id) as JobRow | undefined;
      return row && toRecord(row);
    }),
    recent: explained(file, (limit, { state, before } = {}) => {
      const above =
        before === undefined ? { updated_at: Number.MAX_SAFE_INTEGER, number: 0 } : (byId.get(before) as JobRow | undefined);
      if (!above || !(limit >= 1)) return [];
      const position = [above.updated_at, above.number, Math.floor(Math.min(limit, Number.MAX_SAFE_INTEGER))];
      const rows = state === undefined ? all.all(...position) : inState.all(state, ...position);
      return (rows as unknown as JobRow[]).map((row) => toRecord(row));
    }),
    counts: explained(file, () => {
      const counts = Object.fromEntries(jobStates.map((state) => [state, 0])) as Record<JobState, number>;
      for (const { state, jobs } of counted.all()) counts[state as JobState] = Number(jobs);
      return counts;
    }),
  };
}

function explained<A extends readonly unknown[], R>(file: string, read: (...given: A) => R): (...given: A) => R {
  return (...given) => {
    try {
      return read(...given);
    } catch (error) {
      throw explain(file, error);
    }
  };
}

/** A row as the contract shows it; `job` saves parsing it again. */
export function toRecord(row: JobRow, job: Job = JSON.parse(row.job) as Job): JobRecord {
  return {
    job,
    state: row.state,
    attempts: row.attempts,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.due_at !== null && { dueAt: row.due_at }),
    ...(row.error_reason !== null && { error: { reason: row.error_reason, message: row.error_message ?? "" } }),
    ...(row.result !== null && { result: JSON.parse(row.result) as JobResult }),
  };
}
