import type { FailureReason } from "../core/jobs/errors.ts";
import type { Job } from "../core/jobs/job.ts";
import type { JobOutcome } from "../core/jobs/job-outcome.ts";
import { wordsOf } from "../core/jobs/search.ts";
import {
  type FailureGroup,
  type JobFailure,
  type JobRecord,
  type JobResult,
  type JobState,
  jobStates,
  type Tally,
} from "./job-queue.ts";

/** The columns of the table `jobs` that records need. */
export interface JobRow {
  readonly number: number;
  readonly job: string;
  readonly state: JobState;
  readonly attempts: number;
  readonly failures: number;
  readonly failing_for: number;
  readonly crashes: number;
  readonly due_at: number | null;
  readonly error_reason: FailureReason | null;
  readonly error_message: string | null;
  readonly error_host: string | null;
  readonly given_up_after: number | null;
  readonly result: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

export const recordColumns =
  "number, job, state, attempts, failures, failing_for, crashes, due_at, error_reason, error_message, error_host, given_up_after, result, created_at, updated_at";

/** A row as a record. `job` saves parsing it again. */
export function toRecord(row: JobRow, job: Job = JSON.parse(row.job) as Job): JobRecord {
  return {
    job,
    state: row.state,
    attempts: row.attempts,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.due_at !== null && { dueAt: row.due_at }),
    ...(row.error_reason !== null && { error: errorOf(row.error_reason, row) }),
    ...(row.result !== null && { result: JSON.parse(row.result) as JobResult }),
  };
}

function errorOf(reason: FailureReason, { error_message, error_host: host, given_up_after }: JobRow): JobFailure {
  const givenUp = given_up_after !== null && { givenUpAfter: given_up_after };
  return { reason, message: error_message ?? "", ...(host !== null && { host }), ...givenUp };
}

/** A tally's jobs by state. */
export function countsOf(tally: readonly Pick<Tally, "outcome" | "jobs">[]): Readonly<Record<JobState, number>> {
  const counts = Object.fromEntries(jobStates.map((state) => [state, 0])) as Record<JobState, number>;
  for (const { outcome, jobs } of tally) counts[stateOf(outcome)] += jobs;
  return counts;
}

/** Outcomes that are not states are those of done jobs. */
function stateOf(outcome: JobOutcome): JobState {
  return jobStates.find((state) => state === outcome) ?? "done";
}

/** A row of the jobs that failed for the same reason. `first` and `last` are their first and last namespace in alphabetical order. */
export interface GroupRow extends Pick<FailureGroup, "state" | "analyzer" | "reason" | "jobs" | "since"> {
  readonly host: string | null;
  readonly message: string | null;
  readonly first: string | null;
  readonly last: string | null;
}

/** The row as a group of failures. */
export function toGroup({ host, message, first, last, ...group }: GroupRow): FailureGroup {
  const inOne = first !== null && first === last && { namespace: first };
  return { ...group, message: message ?? "", ...(host !== null && { host }), ...inOne };
}

/** A pattern for `LIKE … ESCAPE '~'`. It matches every record that mentions the text and few others, without parsing JSON. */
export function likePattern(text: string): string {
  const pieces = wordsOf(text).flatMap((word) => word.split(/[^!-~]|[/@:#"\\]/));
  const longest = pieces.toSorted((a, b) => b.length - a.length)[0] ?? "";
  return `%${longest.replace(/[%_~]/g, "~$&")}%`;
}
