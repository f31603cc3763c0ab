import { formatImageName } from "../../core/image-name.ts";
import { describeJob, type Job } from "../../core/job.ts";
import type { JobRecord } from "../../queue/job-queue.ts";
import { type Html, html } from "./html.ts";
import { actionForm } from "./layout.ts";
import { stepsView } from "./steps.ts";
import { counted, outside, reasonWords, remedyOf, stateBadge, timeAhead } from "./words.ts";

/** A job as a row of the list. */
export function jobRow(record: JobRecord, now: number): Html {
  const { job, state, attempts } = record;
  return html`<tr id="row-${job.id}" class="${state}">
<td class="state">${stateBadge(record)}<span class="attempts">${attempts > 0 && counted(attempts, "attempt")}</span></td>
<th scope="row">${subject(job)}</th>
<td class="image">${imageOf(record)}</td>
<td class="way">${stepsView(record, now)}${errorView(record, now)}${resultLink(record)}</td>
<td class="actions">${actions(record)}</td>
</tr>`;
}

export function jobPath(id: string): string {
  return `/jobs/${encodeURIComponent(id)}`;
}

/** Retry and dismiss, as far as they mean something. */
export function actions({ job, state }: JobRecord): readonly (Html | false)[] {
  const name = describeJob(job).slice(0, 200);
  return [
    (state === "failed" || state === "dismissed" || state === "waiting") &&
      actionForm(
        `${jobPath(job.id)}/retry`,
        state === "waiting" ? "Try now" : "Retry",
        name,
        state === "failed" ? "primary" : "plain",
      ),
    (state === "failed" || state === "waiting") && actionForm(`${jobPath(job.id)}/dismiss`, "Dismiss", name),
  ];
}

/** What went wrong, in words, and what to do about it. */
export function errorView({ error, state, dueAt }: JobRecord, now: number, limit = 300): Html | undefined {
  if (!error || state === "done") return undefined;
  const remedy = remedyOf(error.reason);
  return html`<div class="error"><p><strong>${reasonWords(error.reason)}.</strong> ${outside(error.message, limit)}</p>
${remedy !== undefined && html`<p class="remedy">${remedy}</p>`}
${dueAt !== undefined && html`<p class="remedy">Next try ${timeAhead(dueAt, now)}.</p>`}</div>`;
}

/** Where results can be looked up; only an address that leads to the web becomes a link. */
export function resultLink({ result }: JobRecord): Html | undefined {
  const link = result?.link;
  if (link === undefined || !/^https?:\/\//i.test(link)) return undefined;
  return html`<a class="result" href="${link}" rel="noopener noreferrer">Analysis<span class="unseen"> at ${link.slice(0, 100)}</span> ↗</a>`;
}

function subject(job: Job): Html {
  const { build, buildConfig, trigger, commit } = job;
  const link = (name: string) => html`<a class="subject" href="${jobPath(job.id)}">${outside(name, 120)}</a>`;
  if (!build) return html`${link(lastPart(describeJob(job)))}<p class="meta">${causeWords[job.cause]}</p>`;
  const config = buildConfig !== undefined && html`<span class="tag">${outside(buildConfig, 120)}</span>`;
  return html`${link(build.name)}<p class="meta">${config === false ? outside(build.namespace, 120) : config} ${trigger !== undefined && outside(trigger, 120)} ${commit !== undefined && html`<code title="git revision ${commit.slice(0, 64)}">${commit.slice(0, 8)}</code>`}</p>`;
}

export const causeWords: Readonly<Record<Job["cause"], string>> = {
  build: "a build",
  scan: "found in an image stream",
  webhook: "named by a program",
  "command-line": "named on the command line",
};

/** The image by its last name; the full one on demand. */
function imageOf({ job, result }: JobRecord): Html {
  const full = result?.output ?? (job.output && formatImageName(job.output));
  if (full === undefined) return html`<span class="faint">no image</span>`;
  return imageView(full);
}

export function imageView(full: string): Html {
  const [name = "", digest] = full.split("@");
  const short = `${lastPart(name)}${digest === undefined ? "" : `@${digest.replace("sha256:", "").slice(0, 12)}`}`;
  return html`<details class="digest"><summary><code>${outside(short, 120)}</code></summary><div class="full"><code>${outside(full, 2_000)}</code>${copyButton(full.slice(0, 2_000))}</div></details>`;
}

function copyButton(text: string): Html {
  return html`<button type="button" class="copy" hidden data-needs-script data-copy="${text}">Copy<span class="unseen"> the image's name</span></button>`;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
