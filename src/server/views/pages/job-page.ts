import { kindOf } from "../../../core/builds/build.ts";
import { buildLink, type Console, commitLink, configLink, imageLink } from "../../../core/hosts/web-links.ts";
import { formatImageName } from "../../../core/images/image-name.ts";
import { describeJob, ownerParts } from "../../../core/jobs/job.ts";
import type { JobAnalysis, JobRecord } from "../../../queue/job-queue.ts";
import type { JobPackages } from "../../packages/job-packages.ts";
import type { Chain } from "../../records/chain.ts";
import { chainView } from "../chain-view.ts";
import { findingsView } from "../findings-view.ts";
import { type Html, html, type Part } from "../html.ts";
import { actions, analyzerStates, causeWords, errorView, imageView, jobPath, resultLink } from "../job-row.ts";
import { layout } from "../layout.ts";
import { outsideLink } from "../links.ts";
import { packagesSection } from "../packages-section.ts";
import { stepsView } from "../steps.ts";
import { counted, outside, stateBadge, timeAgo, timeAhead } from "../words.ts";

/** The tail of a build's log, or why there is none. */
export type LogTail = { readonly text: string } | { readonly missing: string };

export interface JobPage {
  readonly record: JobRecord;
  /** The jobs of its build or image for all analyzers, this one included. */
  readonly members: readonly JobRecord[];
  readonly chain: Chain;
  /** The packages in its image; undefined if it was not read. */
  readonly packages?: JobPackages | undefined;
  /** Undefined until somebody asks for it. */
  readonly log: LogTail | undefined;
  readonly now: number;
  readonly mayChange: boolean;
  readonly readsPackages: boolean;
  readonly events: string;
  /** What to do about its failure. */
  readonly remedy: string | undefined;
  /** OpenShift's web console. */
  readonly console: Console | undefined;
  readonly version: string;
}

/** Everything that is remembered of a job. */
export function jobPage(page: JobPage): Html {
  const { record, chain, log, now, mayChange, readsPackages, events, version } = page;
  const { job } = record;
  const name = describeJob(job);
  return layout({
    title: `${name.slice(0, 100)} · build-watcher`,
    events,
    mayChange,
    version,
    readsPackages,
    body: html`<div id="job">
<p class="back"><a href="/">All jobs</a></p>
<div class="heading"><h1>${outside(name, 300)}</h1><div class="actions">${actions(record)}</div></div>
<p class="headline">${stateBadge(record)} ${counted(record.attempts, "attempt")} ${resultLink(record)}</p>
${page.members.length > 1 && analyzerStates(page.members, job.id)}
${stepsView(record, now)}
${errorView(record, page.remedy, now)}
<div class="columns">
<section><h2>Job</h2>${facts(jobFacts(page))}</section>
<section><h2>Result</h2>${resultView(record, now)}</section>
</div>
${page.packages && packagesSection(job.id, page.packages)}
${chainSection(chain)}
${job.build && logSection(record, log)}
<details class="raw"><summary>The record as JSON</summary><pre tabindex="0">${JSON.stringify(record, undefined, 2)}</pre></details>
</div>`,
  });
}

type Fact = readonly [name: string, value: Part];

function jobFacts({ record, now, console }: JobPage): readonly Fact[] {
  const { job, createdAt, updatedAt, dueAt } = record;
  const { build, origin, commit, place, leftOut } = job;
  const config = ownerParts(job.buildConfig);
  const text = (value: string | undefined) => value !== undefined && outside(value, 2_000);
  const completed = job.completedAt === undefined ? Number.NaN : Date.parse(job.completedAt);
  return [
    ["Comes from", causeWords[job.cause]],
    ["Analyzer", outside(job.analyzer, 100)],
    [kindOf(build ?? {}), build && linked(`${build.namespace}/${build.name}`, buildLink(console, build), "Console")],
    [config.kind, config.name && linked(config.name, configLink(console, build, config.name), "Console")],
    ["Trigger", text(job.trigger)],
    ["Source", origin !== undefined && linked(origin, /^https?:/i.test(origin) ? origin : undefined, "Open")],
    ["Git revision", commit !== undefined && linked(commit, commitLink(origin, commit), "Commit")],
    ["Completed", Number.isNaN(completed) ? text(job.completedAt) : timeAgo(completed, now)],
    ["Image", job.output && image(formatImageName(job.output))],
    ["Image", place && `${place.at} of ${place.of} that this build made`],
    ["Left out", leftOut !== undefined && `${leftOut} more images of this build, because it made too many.`],
    ["Base image", job.base && image(formatImageName(job.base))],
    ["Takes files from", job.inputs && html`${job.inputs.map((input) => html`<div>${image(formatImageName(input))}</div>`)}`],
    ["Seen", timeAgo(createdAt, now)],
    ["Last change", timeAgo(updatedAt, now)],
    ["Next try", dueAt !== undefined && timeAhead(dueAt, now)],
    ["Id", html`<code>${outside(job.id, 300)}</code>`],
  ];
}

function linked(name: string, address: string | undefined, words: string): Html {
  return html`${outside(name, 2_000)} ${outsideLink(address, words)}`;
}

function image(name: string): Html {
  return html`${imageView(name)} ${outsideLink(imageLink(name), "Registry")}`;
}

/** Nothing for a build without a chain. */
function chainSection(chain: Chain): Html | false {
  const { foundation, first } = chain;
  if (foundation === undefined && first.madeOnIt.length === 0) return false;
  return html`<section><h2>Chain</h2><p class="faint">The build that made its base image, or an image it takes files from, and the builds that were made on it.</p>${chainView(chain)}</section>`;
}

const noResult: Readonly<Record<JobRecord["state"], string>> = {
  waiting: "None yet.",
  running: "None yet.",
  done: "It left no result.",
  failed: "None: the job failed.",
  dismissed: "None: the job was dismissed.",
};

function resultView({ result, state }: JobRecord, now: number): Html {
  if (!result) return html`<p class="faint">${noResult[state]}</p>`;
  const { output, base, analyses, findings, notes } = result;
  const entries: readonly Fact[] = [
    ["Submitted image", output !== undefined && image(output)],
    ["Submitted base image", base !== undefined && image(base)],
    ["Found", findings && findingsView(findings)],
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
  return html`<code>${outside(id, 300)}</code> ${state !== undefined && html`<span class="analysis ${state}">${analysisWords[state]}</span>`} ${endedAt !== undefined && timeAgo(endedAt, now)} ${cached && html`<span class="faint">already known to the service</span>`}`;
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
