import { type JobState, jobStates } from "../../queue/job-queue.ts";
import type { Endpoint } from "../activity.ts";
import type { Status } from "../status.ts";
import { type Html, html, type Part } from "./html.ts";
import { actionForm } from "./layout.ts";
import { sparkline } from "./sparkline.ts";
import { counted, outside, stateWords, timeAgo } from "./words.ts";

/** The top of the page: what is watched, the queue, the endpoint, the last hour. */
export function overview(status: Status, now: number): Html {
  return html`<section id="overview" class="cards" aria-label="Overview" data-line="${overviewLine(status)}">
${watchCard(status, now)}
${queueCard(status, now)}
${endpointCard(status.endpoint, now)}
<div class="card"><h2>Last hour</h2>${sparkline(status.minutes)}</div>
</section>`;
}

/** The same in one sentence, for those who listen. */
export function overviewLine({ counts, endpoint }: Status): string {
  const states = jobStates.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${state}`);
  const down = endpoint.state === "down" ? "; the analysis endpoint is down" : "";
  return `Jobs: ${states.length > 0 ? states.join(", ") : "none yet"}${down}`;
}

function watchCard(status: Status, now: number): Html {
  const { ready, troubles, lastEventAt, lastListAt, startedAt } = status;
  const [kind, words] =
    troubles.length > 0 ? ["bad", "Watch in trouble"] : ready.ok ? ["good", "Watching"] : ["wait", "Listing builds"];
  const notListed = ready.ok || troubles.length > 0 ? [] : ready.because;
  return html`<div class="card"><h2>Watched</h2>
<p class="headline">${light(kind, words)} ${watched(status)}</p>
${troubles.map(({ namespace, message }) => html`<p class="problem">${outside(namespace ?? "All namespaces")}: ${outside(message)}</p>`)}
${notListed.map((reason) => html`<p class="faint">${outside(reason)}</p>`)}
<dl class="facts">
${fact("Last event", lastEventAt === undefined ? "none yet" : timeAgo(lastEventAt, now))}
${fact("Last list", lastListAt === undefined ? "none yet" : timeAgo(lastListAt, now))}
${fact("Running since", timeAgo(startedAt, now))}
</dl></div>`;
}

function watched({ namespaces, track }: Status): Html {
  const [first, ...others] = namespaces;
  const name = first === undefined ? html`the whole cluster` : html`<b>${outside(first)}</b>`;
  const all = html`<details class="inline"><summary>and ${others.length} more</summary> ${others.map((other) => html`<span class="tag">${outside(other ?? "")}</span> `)}</details>`;
  const only = html`<details class="inline"><summary>only ${counted(track.length, "BuildConfig")}</summary> ${track.map((entry) => html`<span class="tag">${outside(entry)}</span> `)}</details>`;
  return html`${name} ${others.length > 0 && all} ${track.length > 0 && only}`;
}

function queueCard({ counts, oldestWaitingAt }: Status, now: number): Html {
  const oldest = oldestWaitingAt === undefined ? "nothing waits" : timeAgo(oldestWaitingAt, now);
  const again = counts.failed > 0 && actionForm("/jobs/retry-failed", "Retry all failed", "jobs");
  return html`<div class="card"><div class="title"><h2>Queue</h2>${again}</div>
<ul class="counts">${jobStates.map((state) => count(state, counts[state]))}</ul>
<dl class="facts">${fact("Oldest waiting job", oldest)}</dl></div>`;
}

function count(state: JobState, amount: number): Html {
  const { word, sign } = stateWords[state];
  return html`<li class="${state}${amount === 0 && " none"}"><a href="/?state=${state}"><b>${amount.toLocaleString("en")}</b> <span><span aria-hidden="true">${sign}</span> ${word}</span></a></li>`;
}

function endpointCard({ state, acceptedAt, failedAt, message }: Endpoint, now: number): Html {
  const words = { up: "Answering", down: "Down", unknown: "Not asked yet" }[state];
  const kind = { up: "good", down: "bad", unknown: "wait" }[state];
  return html`<div class="card"><h2>Analysis endpoint</h2>
<p class="headline">${light(kind, words)}</p>
${state === "down" && message !== undefined && html`<p class="problem">${outside(message)}</p>`}
<dl class="facts">
${fact("Last submission taken", acceptedAt === undefined ? "none yet" : timeAgo(acceptedAt, now))}
${failedAt !== undefined && fact("Last failure", timeAgo(failedAt, now))}
</dl></div>`;
}

const lightSigns: Readonly<Record<string, string>> = { good: "●", bad: "▲", wait: "○" };

function light(kind = "wait", words = ""): Html {
  return html`<span class="light ${kind}"><span aria-hidden="true">${lightSigns[kind]}</span> ${words}</span>`;
}

function fact(name: string, value: Part): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
