import type { DatabaseSync } from "node:sqlite";
import type { FailureReason } from "../../core/errors.ts";
import type { Job } from "../../core/job.ts";
import { type JobQueue, type JobRecord, type JobResult, type JobState, jobStates } from "../job-queue.ts";
import { explain } from "./ledger-error.ts";
import { createListing } from "./listing.ts";

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

/** What the ledger remembers, for reading; as `JobQueue` promises it. */
export type Records = Pick<JobQueue, "find" | "recent" | "counts" | "withImage" | "lastOfBuildConfigs" | "oldestWaiting">;

/** Reads the table `jobs`; whatever goes wrong is thrown as a `LedgerError` that names the file. */
export function createRecords(connection: DatabaseSync, file: string): Records {
  const select = `SELECT ${recordColumns} FROM jobs`;
  const byId = connection.prepare(`${select} WHERE id = ?`);
  const counted = connection.prepare("SELECT state, jobs FROM counts");
  const latest = connection.prepare(
    `${select} WHERE number IN (SELECT max(number) FROM jobs WHERE build_config IS NOT NULL GROUP BY build_config) ORDER BY build_config`,
  );
  const oldest = connection.prepare(
    "SELECT created_at AS at FROM jobs INDEXED BY jobs_waiting WHERE state = 'waiting' ORDER BY created_at LIMIT 1",
  );
  const withDigest = (column: string) => connection.prepare(`${select} WHERE ${column} = ? ORDER BY number DESC LIMIT ?`);
  const images = { output: withDigest("output_digest"), base: withDigest("base_digest") };
  const rowOf = (id: string) => byId.get(id) as JobRow | undefined;

  return {
    find: explained(file, (id) => {
      const row = rowOf(id);
      return row && toRecord(row);
    }),
    recent: explained(file, createListing(connection, rowOf)),
    counts: explained(file, () => {
      const counts = Object.fromEntries(jobStates.map((state) => [state, 0])) as Record<JobState, number>;
      for (const { state, jobs } of counted.all()) counts[state as JobState] = Number(jobs);
      return counts;
    }),
    withImage: explained(file, (digest, as, limit) => toRecords(images[as].all(digest, limit))),
    lastOfBuildConfigs: explained(file, () => toRecords(latest.all())),
    oldestWaiting: explained(file, () => {
      const { at } = oldest.get() ?? {};
      return typeof at === "number" ? at : undefined;
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

function toRecords(rows: readonly unknown[]): readonly JobRecord[] {
  return rows.map((row) => toRecord(row as JobRow));
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
