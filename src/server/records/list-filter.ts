import { type FailureReason, failureReasons } from "../../core/jobs/errors.ts";
import { type JobCause, jobCauses } from "../../core/jobs/job.ts";
import { type JobOutcome, jobOutcomes, outcomeOf } from "../../core/jobs/job-outcome.ts";
import { mentions } from "../../core/jobs/search.ts";
import { type JobRecord, type JobState, jobStates, type RecordFilter } from "../../queue/job-queue.ts";

/** How far back a list can reach, by the word in its address: milliseconds. */
export const periods = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 } as const;
type Period = keyof typeof periods;

/** The filter of a list, as in its address. */
export interface ListFilter {
  readonly state?: JobState | undefined;
  readonly outcome?: JobOutcome | undefined;
  readonly analyzer?: string | undefined;
  readonly namespace?: string | undefined;
  readonly config?: string | undefined;
  readonly cause?: JobCause | undefined;
  readonly reason?: FailureReason | undefined;
  readonly host?: string | undefined;
  readonly since?: Period | undefined;
  readonly text?: string | undefined;
  readonly before?: string | undefined;
  readonly beforeTime?: number | undefined;
}

type Query = Readonly<Record<string, unknown>>;

/** Reads the query of an address. Values that make no sense are ignored. */
export function readFilter(query: Query): ListFilter {
  const [, time, id] = /^(?:(\d{1,15})\.)?(.{1,300})$/s.exec(word(query.before, 320) ?? "") ?? [];
  return {
    state: oneOf(jobStates, query.state),
    outcome: oneOf(jobOutcomes, query.outcome),
    analyzer: word(query.analyzer, 63),
    namespace: word(query.namespace, 63),
    config: word(query.config, 320),
    cause: oneOf(jobCauses, query.cause),
    reason: oneOf(Object.keys(failureReasons) as FailureReason[], query.reason),
    host: word(query.host, 300),
    since: oneOf(Object.keys(periods) as Period[], query.since),
    text: word(query.text, 200),
    before: id,
    beforeTime: time === undefined ? undefined : Number(time),
  };
}

/** The filter for the queue at this time (ms). */
export function toRecordFilter({ config, since, ...filter }: ListFilter, now: number): RecordFilter {
  const changedSince = since === undefined ? undefined : now - periods[since];
  const entries = Object.entries({ ...filter, buildConfig: config, changedSince });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

export function isFiltered({ before: _before, beforeTime: _time, ...filter }: ListFilter): boolean {
  return Object.values(filter).some((value) => value !== undefined);
}

/** Whether a record matches a filter. One that has just changed is in every period. */
export function fits(
  record: JobRecord,
  { state, outcome, analyzer, namespace, config, cause, reason, host, text }: ListFilter,
): boolean {
  const { job, error } = record;
  const wanted = [
    [state, record.state],
    [outcome, outcomeOf(record.state, record.result)],
    [analyzer, job.analyzer],
    [namespace, job.build?.namespace],
    [config, job.buildConfig],
    [cause, job.cause],
    [reason, error?.reason],
    [host, error?.host],
  ];
  return wanted.every(([want, is]) => want === undefined || want === is) && (text === undefined || mentions(record, text));
}

/** Where a listing continues after a record: its id, and when it last changed. */
export function cursorOf({ before = "", beforeTime }: Pick<ListFilter, "before" | "beforeTime">): string {
  return beforeTime === undefined ? before : `${beforeTime}.${before}`;
}

/** The address of a page of the list, or of something else with the same filter. */
export function listPath({ before, beforeTime, ...filter }: ListFilter, path = "/"): string {
  const cursor = before === undefined ? undefined : cursorOf({ before, beforeTime });
  const entries = Object.entries({ ...filter, before: cursor }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const query = new URLSearchParams(entries).toString();
  return query === "" ? path : `${path}?${query}`;
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T | undefined {
  return known.find((one) => one === value);
}

function word(value: unknown, longest: number): string | undefined {
  const text = typeof value === "string" ? value.trim().slice(0, longest) : "";
  return text === "" ? undefined : text;
}
