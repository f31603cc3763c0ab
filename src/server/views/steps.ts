import { isoTime } from "../../core/clock.ts";
import type { JobAnalysis, JobRecord, JobResult } from "../../queue/job-queue.ts";
import { type Html, html } from "./html.ts";
import { dateText, duration, timeAgo } from "./words.ts";

/** A step of a job, with the time it was reached (ms). */
export interface Step {
  readonly name: string;
  readonly state: "reached" | "under-way" | "failed" | "ahead";
  readonly at?: number;
}

/** How far a job has come: seen, copied, submitted, analysed. A step that was skipped is left out. */
export function stepsOf({ job, state, createdAt, updatedAt, result }: JobRecord): readonly Step[] {
  const steps: Step[] = [{ name: "seen", state: "reached", at: createdAt }];
  if (result?.copiedAt !== undefined) steps.push({ name: "copied", state: "reached", at: result.copiedAt });
  if (state === "done" && result !== undefined) {
    const { analyses, submittedAt = updatedAt } = result;
    if (analyses.length === 0)
      return [...steps, { name: withoutAnalysis(job.analyzer, result), state: "reached", at: updatedAt }];
    return [...steps, { name: "submitted", state: "reached", at: submittedAt }, ...analysed(analyses)];
  }
  switch (state) {
    case "done":
      return [...steps, { name: "submitted", state: "reached", at: updatedAt }];
    case "running":
      return [...steps, { name: "submitting", state: "under-way" }];
    case "failed":
      return [...steps, { name: "failed", state: "failed", at: updatedAt }];
    case "dismissed":
      return [...steps, { name: "dismissed", state: "reached", at: updatedAt }];
    case "waiting":
      return [...steps, { name: "to be submitted", state: "ahead" }];
  }
}

function withoutAnalysis(analyzer: string, { findings }: JobResult): string {
  if (findings) return "analysed";
  return analyzer === "none" ? "done" : "nothing submitted";
}

function analysed(analyses: readonly JobAnalysis[]): readonly Step[] {
  const followed = analyses.filter(({ state }) => state !== undefined);
  if (followed.length === 0) return [];
  if (followed.some(({ state }) => state === "running")) return [{ name: "analysis running", state: "under-way" }];
  const ends = followed.flatMap(({ endedAt }) => (endedAt === undefined ? [] : [endedAt]));
  const at = ends.length > 0 && { at: Math.max(...ends) };
  const failed = followed.some(({ state }) => state === "failed");
  return [{ name: failed ? "analysis failed" : "analysed", state: failed ? "failed" : "reached", ...at }];
}

/** The steps for a row of the list, without the first, and how long they took once they have ended. */
export function briefSteps(record: JobRecord): Html {
  const steps = stepsOf(record).slice(1);
  const isUnderWay = steps.some(({ state }) => state === "under-way");
  const last = steps.findLast(({ at }) => at !== undefined)?.at;
  const took = last !== undefined && !isUnderWay && html` <li class="took">in ${duration(last - record.createdAt)}</li>`;
  return html`<ol class="steps">${steps.map(({ name, state }) => html`<li class="${state}"><span class="step">${name}</span></li>`)}${took}</ol>`;
}

/** The steps in a line: the first with its age, the others with the time since the step before. */
export function stepsView(record: JobRecord, now: number): Html {
  const steps = stepsOf(record);
  return html`<ol class="steps">${steps.map((step, index) => stepView(step, steps[index - 1]?.at, now))}</ol>`;
}

function stepView({ name, state, at }: Step, before: number | undefined, now: number): Html {
  return html`<li class="${state}"><span class="step">${name}</span> ${at !== undefined && stepTime(at, before, now)}</li>`;
}

function stepTime(at: number, before: number | undefined, now: number): Html {
  if (before === undefined) return timeAgo(at, now);
  const iso = isoTime(at);
  return html`<time datetime="${iso}" title="${dateText(at)}">+${duration(at - before)}</time>`;
}
