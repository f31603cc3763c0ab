import { describeJob, groupOf } from "../core/jobs/job.ts";
import { outcomeOf, outcomeWords } from "../core/jobs/job-outcome.ts";
import { reasonWords } from "../core/jobs/problem-words.ts";
import { forPeople } from "../core/outside-text.ts";
import type { JobRecord } from "../queue/job-queue.ts";
import { agoText } from "../server/views/words.ts";
import type { Screen, Tone } from "./screen.ts";

const longestLine = 5_000;
const narrowest = 60;

type Look = Pick<Screen, "columns" | "paint">;

/** Jobs as a table, a line each, as wide as the screen. */
export function jobsTable(records: readonly JobRecord[], now: number, { columns, paint }: Look): string {
  const rows = records.map((record) => cellsOf(record, now));
  const head = ["STATE", "JOB", "CHANGED", "TRIES", "WHAT HAPPENED"] as const;
  const widthOf = (column: number) => Math.max(...[head, ...rows].map((cells) => (cells[column] ?? "").length)) + 2;
  const widths = [widthOf(0), Math.min(widthOf(1), Math.max(20, Math.floor(columns / 3))), widthOf(2), widthOf(3)] as const;
  const left = Math.max(columns, narrowest) - widths.reduce((sum, width) => sum + width, 0);
  const lines = rows.map(([state, job, changed, tries, what], index) => {
    const cells = [squeeze(job, widths[1]), changed.padEnd(widths[2]), tries.padEnd(widths[3]), cut(what, left)];
    return `${paint(toneOf(records[index]), state.padEnd(widths[0]))}${cells.join("")}`.trimEnd();
  });
  const title = head.map((name, column) => name.padEnd(widths[column] ?? 0)).join("");
  return `${[paint("faint", title.trimEnd()), ...lines].join("\n")}\n`;
}

type Cells = readonly [state: string, job: string, changed: string, tries: string, what: string];

function cellsOf(record: JobRecord, now: number): Cells {
  const { job, attempts, updatedAt } = record;
  return [
    stateOf(record),
    forPeople(groupOf(job) === job.id ? describeJob(job) : `${describeJob(job)} (${job.analyzer})`),
    agoText(now - updatedAt),
    String(attempts),
    forPeople(whatHappened(record)),
  ];
}

/** Distinguishes a job that waits because it failed from one that was never tried. */
function stateOf({ state, error, result }: JobRecord): string {
  return state === "waiting" && error ? "retrying" : outcomeWords[outcomeOf(state, result)].word;
}

function whatHappened({ error, result, state }: JobRecord): string {
  if (error && state !== "done") return `${reasonWords(error.reason)}: ${error.message}`;
  if (!result) return "";
  const analyses = result.analyses.map((analysis) => `${analysis.of} ${analysis.state ?? "submitted"}`);
  return [...analyses, ...result.notes].join(", ");
}

function toneOf(record: JobRecord | undefined): Tone {
  if (record?.state === "failed" || record?.result?.analyses.some(({ state }) => state === "failed")) return "bad";
  if (record?.state === "done") return "good";
  return record?.error ? "warning" : "faint";
}

/** In the middle of a long name is what matters least. */
function squeeze(text: string, width: number): string {
  const room = width - 2;
  if (text.length <= room) return text.padEnd(width);
  const half = Math.floor((room - 1) / 2);
  return `${text.slice(0, room - 1 - half)}…${text.slice(-half)}`.padEnd(width);
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(width - 1, 0))}…` : text;
}

/** Everything in a record, in several lines. */
export function jobDetails(record: JobRecord): string {
  const { job, state, attempts, updatedAt, dueAt, error, result } = record;
  const lines = [
    `${stateOf(record).padEnd(9)} ${describeJob(job)}`,
    `          ${job.id}  ${new Date(updatedAt).toISOString()}  ${attempts} ${attempts === 1 ? "attempt" : "attempts"}`,
    result?.output && `          image: ${result.output}`,
    ...(result?.analyses ?? []).map((analysis) => `          ${analysisLine(analysis)}`),
    ...(result?.notes ?? []).map((note) => `          note: ${note}`),
    state !== "done" && error && `          ${error.reason}: ${error.message}`,
    dueAt !== undefined && `          next try: ${new Date(dueAt).toISOString()}`,
    `          analyzer: ${job.analyzer}, ${outcomeOf(state, result)}`,
  ];
  return lines
    .filter((line) => typeof line === "string")
    .map((line) => forPeople(line, longestLine))
    .join("\n");
}

function analysisLine({ of, id, cached, state }: NonNullable<JobRecord["result"]>["analyses"][number]): string {
  return `analysis of ${of}: ${id}${cached ? " (cached)" : ""}${state === undefined ? "" : `, ${state}`}`;
}
