import { isoTime } from "../../core/clock.ts";
import { outcomeOf, outcomeWords } from "../../core/jobs/job-outcome.ts";
import type { JobRecord } from "../../queue/job-queue.ts";
import { type Html, html } from "./html.ts";

/** The outcome of a job with its sign. A job that failed and waits to be retried looks different from one that was never tried. */
export function stateBadge({ state, error, result }: Pick<JobRecord, "state" | "error" | "result">): Html {
  const again = state === "waiting" && error !== undefined;
  const outcome = outcomeOf(state, result);
  const { word, sign } = again ? { word: "to be retried", sign: "↻" } : outcomeWords[outcome];
  return html`<span class="badge ${again ? "again" : outcome}"><span aria-hidden="true">${sign}</span> ${word}</span>`;
}

const units: readonly (readonly [size: number, name: string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** A duration in words; short ones with tenths of a second. */
export function duration(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(Math.max(milliseconds, 0) / 1_000).toFixed(1)} s` : roughDuration(milliseconds);
}

/** A duration in its two largest units: `3 min 12 s`. */
function roughDuration(milliseconds: number): string {
  const first = units.findIndex(([size]) => milliseconds >= size);
  const [size, name] = units[first] ?? [1_000, "s"];
  const [nextSize, nextName] = units[first + 1] ?? [];
  const rest = nextSize === undefined ? 0 : Math.floor((milliseconds % size) / nextSize);
  const amount = Math.floor(milliseconds / size);
  return rest > 0 && amount < 10 ? `${amount} ${name} ${rest} ${nextName}` : `${amount} ${name}`;
}

/** How long ago a time was; `live.js` keeps it current. */
export function timeAgo(at: number, now: number): Html {
  const iso = isoTime(at);
  return html`<time datetime="${iso}" title="${dateText(at)}" data-ago>${agoText(now - at)}</time>`;
}

/** A time for people: `27 Nov 2026, 03:21:42 UTC`. `live.js` puts it into the reader's own time zone. */
export function dateText(at: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "unknown";
  const [, day, month, year, time] = date.toUTCString().split(" ");
  return `${Number(day)} ${month} ${year}, ${time} UTC`;
}

/** How far away a future time is. */
export function timeAhead(at: number, now: number): Html {
  const iso = isoTime(at);
  const wait = at - now;
  return html`<time datetime="${iso}" title="${dateText(at)}">${wait <= 0 ? "now" : `in ${roughDuration(Math.max(wait, 1_000))}`}</time>`;
}

/** A duration before now, in words. */
export function agoText(milliseconds: number): string {
  return milliseconds < 5_000 ? "just now" : `${roughDuration(milliseconds)} ago`;
}

export { counted, reasonWords } from "../../core/jobs/problem-words.ts";

/** Outside text, isolated so that its writing direction does not affect its surroundings, and cut at the limit. */
export function outside(text: string, limit = 400): Html {
  return html`<bdi>${text.length > limit ? `${text.slice(0, limit)}…` : text}</bdi>`;
}
