import { formatImageName, shortImageName } from "../../core/images/image-name.ts";
import { describeJob, type Job, ownerParts } from "../../core/jobs/job.ts";
import { type JobOutcome, outcomeOf } from "../../core/jobs/job-outcome.ts";
import type { JobRecord } from "../../queue/job-queue.ts";
import type { RecordGroup } from "../records/groups.ts";
import { findingsBadge } from "./findings-view.ts";
import { type Html, html } from "./html.ts";
import { actionForm } from "./layout.ts";
import { outsideLink } from "./links.ts";
import { briefSteps } from "./steps.ts";
import { counted, outside, reasonWords, stateBadge, timeAgo, timeAhead } from "./words.ts";

/** A build or an image as a row of the list, with the state of each analyzer's job: two lines, unless something is unfolded. */
export function jobRow({ id, lead: record, members }: RecordGroup, now: number): Html {
  const { job, state, attempts } = record;
  const updatedAt = Math.max(...members.map((member) => member.updatedAt));
  const own = html`${stateBadge(record)}<span class="attempts">${attempts > 1 && counted(attempts, "attempt")}</span>`;
  return html`<tr id="row-${id}" class="${outcomeOf(state, record.result)}">
<td class="state">${members.length > 1 ? analyzerStates(members) : own}</td>
<th scope="row">${subject(job)}</th>
<td class="image">${imageOf(record)}</td>
<td class="way">${errorLine(record, now) ?? briefSteps(record)}${members.length === 1 && findingsBadge(record.result?.findings)}${resultLink(record)}</td>
<td class="when">${timeAgo(updatedAt, now)}</td>
<td class="actions">${actions(record)}</td>
</tr>`;
}

/** The state for each analyzer, with a link to its job. `current`: the id of the job whose page it is on. */
export function analyzerStates(members: readonly JobRecord[], current?: string): Html {
  return html`<ul class="analyzers">${members.map((member) => html`<li><a href="${jobPath(member.job.id)}"${member.job.id === current && html` aria-current="page"`}>${outside(member.job.analyzer, 40)}</a> ${stateBadge(member)} ${findingsBadge(member.result?.findings)}</li>`)}</ul>`;
}

export function jobPath(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`;
}

/** The buttons that make sense for this job. */
export function actions({ job, state, result }: JobRecord): readonly (Html | false)[] {
  const name = describeJob(job).slice(0, 200);
  const outcome = outcomeOf(state, result);
  const label = retryLabels[outcome];
  const isFailed = outcome === "failed" || outcome === "analysis-failed";
  return [
    label !== undefined && actionForm(`${jobPath(job.id)}/retry`, label, name, isFailed ? "primary" : "plain"),
    (isFailed || outcome === "waiting") && actionForm(`${jobPath(job.id)}/dismiss`, "Dismiss", name),
  ];
}

const retryLabels: { readonly [Outcome in JobOutcome]?: string } = {
  waiting: "Try now",
  failed: "Retry",
  "analysis-failed": "Retry",
  dismissed: "Retry",
};

/** What went wrong, in one line that unfolds. */
function errorLine({ error, state, dueAt }: JobRecord, now: number): Html | undefined {
  if (!error || state === "done") return undefined;
  const next = dueAt !== undefined && html`<p class="remedy">Next try ${timeAhead(dueAt, now)}.</p>`;
  return html`<details class="error"><summary><strong>${reasonWords(error.reason)}</strong> ${outside(error.message, 200)}</summary>
<p>${outside(error.message, 1_000)}</p>${next}</details>`;
}

/** The whole error, with what to do about it. */
export function errorView({ error, state, dueAt }: JobRecord, remedy: string | undefined, now: number): Html | undefined {
  if (!error || state === "done") return undefined;
  return html`<div class="error"><p><strong>${reasonWords(error.reason)}.</strong> ${outside(error.message, 4_000)}</p>
${remedy !== undefined && html`<p class="remedy">${remedy}</p>`}
${dueAt !== undefined && html`<p class="remedy">Next try ${timeAhead(dueAt, now)}.</p>`}</div>`;
}

/** Where to look up results; only a web address becomes a link. */
export function resultLink({ result }: JobRecord): Html | undefined {
  return outsideLink(result?.link, "Analysis", "result");
}

function subject(job: Job): Html {
  const { build, buildConfig, trigger, commit } = job;
  const link = (name: string) => html`<a class="subject" href="${jobPath(job.id)}">${outside(name, 120)}</a>`;
  if (!build) return html`${link(shortImageName(describeJob(job)))}<p class="meta">from ${causeWords[job.cause]}</p>`;
  const config = html`${build.kind !== undefined && html`<span class="tag kind">${outside(build.kind, 40)}</span> `}<span class="tag">${outside(ownerParts(buildConfig).name ?? build.namespace, 120)}</span>`;
  return html`${link(build.name)}<p class="meta">${config} ${trigger !== undefined && outside(trigger, 120)} ${commit !== undefined && html`<code title="git revision ${commit.slice(0, 64)}">${commit.slice(0, 8)}</code>`}</p>`;
}

export const causeWords: Readonly<Record<Job["cause"], string>> = {
  build: "a build",
  scan: "an image stream",
  webhook: "a web hook or the API",
  "command-line": "the command line",
};

/** The image's short name, which unfolds to the full one. */
function imageOf({ job, result }: JobRecord): Html {
  const full = result?.output ?? (job.output && formatImageName(job.output));
  if (full === undefined) return html`<span class="faint">no image</span>`;
  return imageView(full);
}

export function imageView(full: string): Html {
  return html`<details class="digest"><summary><code>${outside(shortImageName(full), 120)}</code></summary><div class="full"><code>${outside(full, 2_000)}</code>${copyButton(full.slice(0, 2_000))}</div></details>`;
}

function copyButton(text: string): Html {
  return html`<button type="button" class="copy" hidden data-needs-script data-copy="${text}">Copy<span class="unseen"> the image's name</span></button>`;
}
