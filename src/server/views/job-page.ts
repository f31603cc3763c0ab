import { formatImageName } from "../../core/image-name.ts";
import { describeJob } from "../../core/job.ts";
import type { JobAnalysis, JobRecord } from "../../queue/job-queue.ts";
import type { Chain } from "../chain.ts";
import { chainView } from "./chain-view.ts";
import { type Html, html, type Part } from "./html.ts";
import { actions, causeWords, errorView, imageView, jobPath, resultLink } from "./job-row.ts";
import { layout } from "./layout.ts";
import { stepsView } from "./steps.ts";
import { counted, outside, stateBadge, timeAgo, timeAhead } from "./words.ts";

/** The tail of a build's log, or why there is none. */
export type LogTail = { readonly text: string } | { readonly missing: string };

export interface JobPage {
  readonly record: JobRecord;
  readonly chain: Chain;
  /** Undefined as long as nobody asked for it. */
  readonly log: LogTail | undefined;
  readonly now: number;
  readonly mayChange: boolean;
  readonly events: string;
}

/** Everything that is remembered of a job. */
export function jobPage({ record, chain, log, now, mayChange, events }: JobPage): Html {
  const { job } = record;
  const name = describeJob(job);
  return layout({
    title: `${name.slice(0, 100)} · build-watcher`,
    events,
    mayChange,
    body: html`<div id="job">
<p class="back"><a href="/">All jobs</a></p>
<div class="heading"><h1>${outside(name, 300)}</h1><div class="actions">${actions(record)}</div></div>
<p class="headline">${stateBadge(record)} ${counted(record.attempts, "attempt")} ${resultLink(record)}</p>
${stepsView(record, now)}
${errorView(record, now, 4_000)}
<div class="columns">
<section><h2>Job</h2>${facts(jobFacts(record, now))}</section>
<section><h2>Result</h2>${resultView(record, now)}</section>
</div>
<section><h2>Chain</h2><p class="faint">The build that made its base image, and the builds that were made on it.</p>${chainView(chain)}</section>
${job.build && logSection(record, log)}
<details class="raw"><summary>The record as JSON</summary><pre tabindex="0">${JSON.stringify(record, undefined, 2)}</pre></details>
</div>`,
  });
}

type Fact = readonly [name: string, value: Part];

function jobFacts({ job, createdAt, updatedAt, dueAt }: JobRecord, now: number): readonly Fact[] {
  const text = (value: string | undefined) => value !== undefined && outside(value, 2_000);
  return [
    ["Taken in as", causeWords[job.cause]],
    ["Build", text(job.build && `${job.build.namespace}/${job.build.name}`)],
    ["BuildConfig", text(job.buildConfig)],
    ["Trigger", text(job.trigger)],
    ["Source", text(job.origin)],
    ["Git revision", job.commit !== undefined && html`<code>${outside(job.commit, 100)}</code>`],
    ["Completed", text(job.completedAt)],
    ["Image", job.output && imageView(formatImageName(job.output))],
    ["Base image", job.base && imageView(formatImageName(job.base))],
    ["Seen", timeAgo(createdAt, now)],
    ["Last change", timeAgo(updatedAt, now)],
    ["Next try", dueAt !== undefined && timeAhead(dueAt, now)],
    ["Id", html`<code>${outside(job.id, 300)}</code>`],
  ];
}

function resultView({ result, state }: JobRecord, now: number): Html {
  if (!result) return html`<p class="faint">${state === "done" ? "It left no result." : "None yet."}</p>`;
  const { output, base, analyses, notes } = result;
  const entries: readonly Fact[] = [
    ["Submitted image", output !== undefined && imageView(output)],
    ["Submitted base image", base !== undefined && imageView(base)],
    ...analyses.map((analysis): Fact => [`Analysis of ${analysis.of}`, analysisView(analysis, now)]),
    ...notes.map((note): Fact => ["Note", outside(note, 2_000)]),
  ];
  return facts(entries);
}

const analysisWords: Readonly<Record<NonNullable<JobAnalysis["state"]>, string>> = {
  running: "◐ running",
  succeeded: "✓ succeeded",
  failed: "✕ failed",
};

function analysisView({ id, cached, state, endedAt }: JobAnalysis, now: number): Html {
  return html`<code>${outside(id, 300)}</code> ${state !== undefined && html`<span class="analysis ${state}">${analysisWords[state]}</span>`} ${endedAt !== undefined && timeAgo(endedAt, now)} ${cached && html`<span class="faint">known from before</span>`}`;
}

function facts(entries: readonly Fact[]): Html {
  const present = entries.filter(([, value]) => value !== undefined && value !== false);
  if (present.length === 0) return html`<p class="faint">Nothing was submitted.</p>`;
  return html`<dl class="facts wide">${present.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function logSection({ job }: JobRecord, log: LogTail | undefined): Html {
  return html`<section id="log"><h2>Build log</h2>${logView(log, `${jobPath(job.id)}?log=1#log`)}</section>`;
}

function logView(log: LogTail | undefined, address: string): Html {
  if (!log) return html`<p><a class="button" href="${address}">Show its end</a></p>`;
  if ("missing" in log) return html`<p class="problem">${log.missing}</p>`;
  return html`<pre class="log" tabindex="0">${log.text}</pre>`;
}
