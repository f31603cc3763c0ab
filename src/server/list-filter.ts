import { mentions } from "../core/search.ts";
import { type JobRecord, jobStates, type RecordFilter } from "../queue/job-queue.ts";

/** What a list is narrowed to, as its address says it. */
export type ListFilter = { readonly [Key in keyof RecordFilter]?: RecordFilter[Key] | undefined };

type Query = Readonly<Record<string, unknown>>;

/** Reads an address' query. What makes no sense there is left out, as if it had not been asked for. */
export function readFilter(query: Query): ListFilter {
  const state = jobStates.find((known) => known === query.state);
  const [, time, id] = /^(?:(\d{1,15})\.)?(.{1,300})$/s.exec(word(query.before, 320) ?? "") ?? [];
  return {
    state,
    namespace: word(query.namespace, 63),
    text: word(query.text, 200),
    before: id,
    beforeTime: time === undefined ? undefined : Number(time),
  };
}

/** The filter as the queue takes it. */
export function toRecordFilter(filter: ListFilter): RecordFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

export function isFiltered({ state, namespace, text }: ListFilter): boolean {
  return state !== undefined || namespace !== undefined || text !== undefined;
}

/** Whether a record belongs on the page of a filter, wherever in the list it stands. */
export function fits(record: JobRecord, { state, namespace, text }: ListFilter): boolean {
  if (state !== undefined && record.state !== state) return false;
  if (namespace !== undefined && record.job.build?.namespace !== namespace) return false;
  return text === undefined || mentions(record, text);
}

/** What continues a listing below a record: its id, and when it had changed last. */
export function cursorOf({ job, updatedAt }: JobRecord): string {
  return `${updatedAt}.${job.id}`;
}

/** The address of a page of the list, or of another thing that takes the same filter. */
export function listPath({ state, namespace, text, before, beforeTime }: ListFilter, path = "/"): string {
  const cursor = before === undefined ? undefined : beforeTime === undefined ? before : `${beforeTime}.${before}`;
  const entries = Object.entries({ state, namespace, text, before: cursor }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const query = new URLSearchParams(entries).toString();
  return query === "" ? path : `${path}?${query}`;
}

function word(value: unknown, longest: number): string | undefined {
  const text = typeof value === "string" ? value.trim().slice(0, longest) : "";
  return text === "" ? undefined : text;
}
