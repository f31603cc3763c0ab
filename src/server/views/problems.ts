import { jobsLine } from "../../core/jobs/problem-words.ts";
import type { Problem } from "../../core/jobs/problems.ts";
import { listPath } from "../records/list-filter.ts";
import { type Html, html } from "./html.ts";
import { outside, timeAgo } from "./words.ts";

/** How many are shown; the others unfold. */
const shownAtOnce = 5;

/** Everything that is wrong now, biggest first, one line each; nothing when all is well. */
export function problemsView(problems: readonly Problem[], now: number): Html | undefined {
  if (problems.length === 0) return undefined;
  const rest = problems.slice(shownAtOnce);
  return html`<div class="problems" role="group" aria-label="What is wrong now">
<ul>${problems.slice(0, shownAtOnce).map((problem) => problemView(problem, now))}</ul>
${rest.length > 0 && html`<details class="more"><summary>${rest.length} more</summary><ul>${rest.map((problem) => problemView(problem, now))}</ul></details>`}
</div>`;
}

function problemView(problem: Problem, now: number): Html {
  const { kind, title, since } = problem;
  const jobs = jobsLine(problem);
  return html`<li class="issue ${kind === "retried-jobs" ? "mild" : "bad"}">
<p class="what"><span aria-hidden="true">${kind === "retried-jobs" ? "↻" : "▲"}</span> <b>${outside(title, 200)}</b></p>
<p class="weight">${jobs !== "" && html`${jobs} · `}${since !== undefined && html`began ${timeAgo(since, now)}`} ${showLink(problem)}</p>
${detailView(problem)}
</li>`;
}

function detailView({ detail, remedy }: Problem): Html | undefined {
  if (detail === undefined && remedy === undefined) return undefined;
  return html`<details class="said"><summary>${outside(detail ?? remedy ?? "", 160)}</summary>
${detail !== undefined && html`<p>${outside(detail, 2_000)}</p>`}${remedy !== undefined && html`<p class="remedy">${remedy}</p>`}</details>`;
}

/** Links to its jobs. Those that wait for an analyzer have nothing else in common. */
function showLink({ kind, reason, host, analyzer, waiting, failed }: Problem): Html | undefined {
  if (waiting + failed === 0 && kind !== "analyses") return undefined;
  if (kind === "analyses") return html`<a href="/?outcome=analysis-failed">Show them</a>`;
  const isOutage = (kind === "endpoint" && waiting > 0) || reason === undefined;
  const path = isOutage ? listPath({ outcome: "waiting", analyzer }) : listPath({ reason, host, analyzer });
  return html`<a href="${path}">Show ${waiting + failed === 1 ? "it" : "them"}</a>`;
}
