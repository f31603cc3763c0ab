import { type JobOutcome, jobOutcomes, outcomeWords, shownOutcomes } from "../../core/jobs/job-outcome.ts";
import { problemLine } from "../../core/jobs/problem-words.ts";
import type { ProblemKind } from "../../core/jobs/problems.ts";
import { grouped } from "../../core/numbers.ts";
import type { ReplicaStatus } from "../replicas.ts";
import type { Status } from "../status.ts";
import { buildsLine, buildsView } from "./builds-view.ts";
import { type Html, html } from "./html.ts";
import { jobPath } from "./job-row.ts";
import { actionForm } from "./layout.ts";
import { problemsView } from "./problems.ts";
import { sparkline } from "./sparkline.ts";
import { counted, outside, timeAgo } from "./words.ts";

/** The top of the page: what is wrong now, what is watched, the queue, the endpoint, the last hour. */
export function overview(status: Status, now: number): Html {
  return html`<section id="overview" aria-label="Overview" data-line="${overviewLine(status)}" data-title="${pageTitle(status)}">
${problemsView(status.problems, now)}
<div class="cards">
${watchCard(status, now)}
${queueCard(status, now)}
${endpointCard(status, now)}
<div class="card hour"><h2>Last hour</h2>${sparkline(status.minutes, status.analysesFailed)}</div>
${status.replicas.length > 1 && replicasCard(status, now)}
</div>
${buildsView(status.builds, status.console, now)}
</section>`;
}

/** The same in one sentence, for screen readers. */
export function overviewLine({ outcomes, problems, builds }: Status): string {
  const states = jobOutcomes
    .filter((outcome) => outcomes[outcome] > 0)
    .map((outcome) => `${outcomes[outcome]} ${outcomeWords[outcome].word}`);
  const wrong = problems.slice(0, 3).map((problem) => `; ${problemLine(problem)}`);
  const built = buildsLine(builds);
  return `Jobs: ${states.length > 0 ? states.join(", ") : "none yet"}${built && `; ${built}`}${wrong.join("")}`;
}

/** The title of the browser tab: the biggest problem, else how many jobs failed. */
export function pageTitle({ problems, outcomes }: Status): string {
  const [worst] = problems;
  const failed = outcomes.failed + outcomes["analysis-failed"];
  if (worst && !ofJobs.includes(worst.kind)) return `▲ ${worst.title} · build-watcher`;
  return failed > 0 ? `build-watcher · ${failed} failed` : "build-watcher";
}

/** Problems that the title shows as a number. */
const ofJobs: readonly ProblemKind[] = ["analyses", "failed-jobs", "retried-jobs"];

function watchCard(status: Status, now: number): Html {
  const { ready, troubles, lastEventAt, lastListAt, startedAt } = status;
  const isDown = status.problems.some(({ kind }) => kind === "cluster");
  const [kind, words] = isDown
    ? ["bad", "Not watching"]
    : troubles.length > 0
      ? ["bad", "Partly watching"]
      : ready.ok
        ? ["good", "Watching"]
        : ["wait", "Listing builds"];
  const listed = lastListAt === undefined ? "no builds listed yet" : html`builds listed ${timeAgo(lastListAt, now)}`;
  const seen = lastEventAt === undefined ? listed : html`last event ${timeAgo(lastEventAt, now)}`;
  return html`<div class="card"><h2>Watched</h2>
<div class="headline">${light(kind, words)} ${watched(status)} ${notWatched(status)}</div>
<p class="facts">${seen} · started ${timeAgo(startedAt, now)}</p></div>`;
}

/** More watched namespaces are counted and not named. */
const fewNamespaces = 5;

function watched({ namespaces, track }: Status): Html {
  const [first, ...others] = namespaces;
  const tags = (names: Status["namespaces"]) => names.map((name) => html`<span class="tag">${outside(name ?? "")}</span> `);
  const many = html`<details class="inline"><summary><b>${namespaces.length} namespaces</b></summary> ${tags(namespaces)}</details>`;
  const name = first === undefined ? html`the whole cluster` : html`<b>${outside(first)}</b>`;
  const all = html`<details class="inline"><summary>and ${others.length} more</summary> ${tags(others)}</details>`;
  const only = html`<details class="inline"><summary>only ${counted(track.length, "BuildConfig")}</summary> ${track.map((entry) => html`<span class="tag">${outside(entry)}</span> `)}</details>`;
  const few = html`${name} ${others.length > 0 && all}`;
  return html`${others.length < fewNamespaces ? few : many} ${track.length > 0 && only}`;
}

/** Namespaces in trouble, unfolded on demand: there may be hundreds. */
function notWatched({ troubles, ready, problems }: Status): Html | false {
  if (problems.some(({ kind }) => kind === "cluster")) return false;
  const waiting = ready.ok || troubles.length > 0 ? [] : ready.because;
  const reasons = [
    ...troubles.map(
      ({ namespace, message }) => html`<li><b>${outside(namespace ?? "All namespaces")}</b>: ${outside(message)}</li>`,
    ),
    ...waiting.map((reason) => html`<li>${outside(reason)}</li>`),
  ];
  const summary = troubles.length > 0 ? `${troubles.length} in trouble` : "what is missing";
  return reasons.length > 0 && html`<details class="inline"><summary>${summary}</summary><ul>${reasons}</ul></details>`;
}

function queueCard({ outcomes, oldestWaitingAt }: Status, now: number): Html {
  const oldest = oldestWaitingAt === undefined ? "nothing waits" : html`oldest waiting job ${timeAgo(oldestWaitingAt, now)}`;
  const again = outcomes.failed + outcomes["analysis-failed"] > 0 && actionForm("/jobs/retry-failed", "Retry all failed", "jobs");
  return html`<div class="card queue"><div class="title"><h2>Queue</h2><span class="facts">${oldest}</span>${again}</div>
<ul class="counts">${shownOutcomes(outcomes).map((outcome) => count(outcome, outcomes[outcome]))}</ul></div>`;
}

/** Who works on the queue beside this bot. */
function replicasCard({ replicas }: Status, now: number): Html {
  const silent = replicas.filter(({ isSilent }) => isSilent).length;
  const lines = replicas.map(({ name, isSelf, isSilent, startedAt, seenAt, running }) => {
    const life = isSilent
      ? html`<span class="light bad"><span aria-hidden="true">▲</span> last sign of life ${timeAgo(seenAt, now)}, the others take over its jobs</span>`
      : html`started ${timeAgo(startedAt, now)}`;
    return html`<li><b>${outside(name)}</b>${isSelf && " (this one)"} · ${life} · ${runningJobs(running)}</li>`;
  });
  const words = `${replicas.length - silent} working${silent > 0 ? `, ${silent} silent` : ""}`;
  return html`<div class="card replicas"><h2>Replicas</h2>
<div class="headline">${light(silent > 0 ? "bad" : "good", words)}</div><ul class="facts">${lines}</ul></div>`;
}

/** The longest running first. */
function runningJobs(running: ReplicaStatus["running"]): Html {
  if (running.length === 0) return html`runs nothing`;
  const links = running.map(({ id, subject }) => html`<a href="${jobPath(id)}">${outside(subject ?? id, 120)}</a> `);
  return html`<details class="inline"><summary>runs ${counted(running.length, "job")}</summary> ${links}</details>`;
}

function count(outcome: JobOutcome, amount: number): Html {
  const { word, sign } = outcomeWords[outcome];
  return html`<li class="${outcome}${amount === 0 && " none"}"><a href="/?outcome=${outcome}"><b>${grouped(amount)}</b> <span><span aria-hidden="true">${sign}</span> ${word}</span></a></li>`;
}

function endpointCard({ endpoint: { state, acceptedAt, failedAt }, endpoints }: Status, now: number): Html {
  const down = Object.keys(endpoints).filter((name) => endpoints[name]?.state === "down");
  const isPartly = down.length < Object.keys(endpoints).length;
  const words = { up: "Answering", down: isPartly ? `${down.join(", ")} down` : "Down", unknown: "Not asked yet" }[state];
  const kind = { up: "good", down: "bad", unknown: "wait" }[state];
  const failure = failedAt !== undefined && html` · failed ${timeAgo(failedAt, now)}`;
  const submitted = acceptedAt === undefined ? "nothing submitted yet" : html`submitted ${timeAgo(acceptedAt, now)}`;
  return html`<div class="card"><h2>Analysis endpoint</h2>
<p class="headline">${light(kind, words)}</p>
<p class="facts">${submitted}${failure}</p></div>`;
}

const lightSigns: Readonly<Record<string, string>> = { good: "●", bad: "▲", wait: "○" };

function light(kind = "wait", words = ""): Html {
  return html`<span class="light ${kind}"><span aria-hidden="true">${lightSigns[kind]}</span> ${words}</span>`;
}
