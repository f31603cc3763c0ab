import { failureReasons } from "../../../core/jobs/errors.ts";
import { jobCauses } from "../../../core/jobs/job.ts";
import { jobOutcomes, outcomeOf, outcomeWords } from "../../../core/jobs/job-outcome.ts";
import { grouped } from "../../../core/numbers.ts";
import type { JobRecord } from "../../../queue/job-queue.ts";
import type { CountedRecords } from "../../records/find-records.ts";
import type { RecordGroup } from "../../records/groups.ts";
import { isFiltered, type ListFilter, listPath, periods } from "../../records/list-filter.ts";
import type { Status } from "../../status.ts";
import { type Html, html, type Part } from "../html.ts";
import { causeWords, jobRow } from "../job-row.ts";
import { actionForm, layout } from "../layout.ts";
import { overview, overviewLine, pageTitle } from "../overview.ts";
import { counted, reasonWords } from "../words.ts";

/** Jobs are counted up to this number. */
export const mostCounted = 10_000;

export interface JobsPage {
  readonly status: Status;
  readonly records: readonly JobRecord[];
  /** The same, with all jobs of each build or image together. */
  readonly groups: readonly RecordGroup[];
  readonly filter: ListFilter;
  /** Jobs that fit the filter, counted up to `mostCounted`. */
  readonly fitting: CountedRecords;
  /** Jobs that are not listed because they wait for a problem shown above. */
  readonly folded: number;
  /** Where older records follow, if there can be any. */
  readonly next: Pick<ListFilter, "before" | "beforeTime"> | undefined;
  readonly now: number;
  readonly mayChange: boolean;
  readonly readsPackages: boolean;
  /** The address of the stream of changes. */
  readonly events: string;
}

/** The page: the overview, and the jobs below. */
export function jobsPage(page: JobsPage): Html {
  const { status, now, events, mayChange, readsPackages } = page;
  return layout({
    title: pageTitle(status),
    events,
    mayChange,
    version: status.version,
    readsPackages,
    body: html`<h1 class="unseen">What the bot saw, and what became of it</h1>
${overview(status, now)}
<p id="line" class="unseen" role="status">${overviewLine(status)}</p>
${filterForm(page)}
${list(page)}`,
  });
}

function filterForm({ filter, status, records }: JobsPage): Html {
  const names = (all: readonly (string | undefined)[]) => [...new Set(all.filter((name) => name !== undefined))];
  const namespaces = names([...status.namespaces, ...records.map(({ job }) => job.build?.namespace)]);
  const configs = names([...status.track, ...records.map(({ job }) => job.buildConfig)]);
  const isUnfolded = [filter.config, filter.cause, filter.reason, filter.host].some((value) => value !== undefined);
  return html`<form class="filters" role="search" aria-label="Jobs" action="/">
${select("State", "outcome", filter.outcome, jobOutcomes, (outcome) => outcomeWords[outcome].word)}
${input("Namespace", "namespace", filter.namespace, namespaces, "extra")}
<label class="wide"><span>Text</span> <input type="search" name="text" value="${filter.text ?? ""}" maxlength="200" autocomplete="off" spellcheck="false" placeholder="build, image, digest, revision, error"></label>
${select("Changed", "since", filter.since, Object.keys(periods), (name) => `last ${name}`, "extra")}
<details class="more-filters"${isUnfolded && html` open`}><summary>More filters</summary><div>
${input("BuildConfig", "config", filter.config, configs)}
${select("Comes from", "cause", filter.cause, jobCauses, (cause) => causeWords[cause])}
${select("Failed with", "reason", filter.reason, Object.keys(failureReasons), reasonWords)}
${input("Failed at", "host", filter.host, names(status.problems.map(({ host }) => host)))}
</div></details>
<button>Filter</button>
${isFiltered(filter) && html`<a class="clear" href="/">Clear</a>`}
</form>`;
}

function select<T extends string>(
  label: string,
  name: string,
  chosen: T | undefined,
  values: readonly T[],
  words: (value: T) => string = String,
  kind = "",
): Html {
  const options = values.map(
    (value) => html`<option value="${value}"${chosen === value && html` selected`}>${words(value)}</option>`,
  );
  return html`<label class="${kind}"><span>${label}</span> <select name="${name}"><option value="">all</option>${options}</select></label>`;
}

function input(label: string, name: string, value: string | undefined, known: readonly string[], kind = ""): Html {
  return html`<label class="${kind}"><span>${label}</span> <input name="${name}" list="${name}s" value="${value ?? ""}" maxlength="320" autocomplete="off" spellcheck="false" placeholder="all"></label>
<datalist id="${name}s">${known.map((one) => html`<option value="${one}">`)}</datalist>`;
}

function list(page: JobsPage): Html {
  const { records, groups, filter, next, now, folded } = page;
  return html`<section id="jobs" aria-labelledby="jobs-title">
<div class="heading"><h2 id="jobs-title">${title(page)}</h2>${folded > 0 && foldedLine(folded)}<div class="actions">${bulkActions(page)}</div></div>
<table class="jobs"${records.length === 0 && html` hidden`}>
<caption class="unseen">Jobs, those that changed last first</caption>
<thead><tr><th scope="col">State</th><th scope="col">Build</th><th scope="col">Image</th><th scope="col">What happened</th><th scope="col">Changed</th><th scope="col"><span class="unseen">Actions</span></th></tr></thead>
<tbody>${groups.map((group) => jobRow(group, now))}</tbody>
</table>
${records.length === 0 && empty(page)}
<nav class="pages" aria-label="Pages">
${filter.before !== undefined && html`<a href="${listPath({ ...filter, before: undefined, beforeTime: undefined })}">Newest</a>`}
${next && html`<a rel="next" href="${listPath({ ...filter, ...next })}">${records.length === 0 ? "Search on" : "Older"}</a>`}
</nav>
</section>`;
}

function title({ filter, fitting }: JobsPage): Part {
  const { state, outcome, namespace, config, cause, reason, host, since, text, before } = filter;
  const what = [
    state && `${state} `,
    outcome && `${outcomeWords[outcome].word} `,
    "jobs",
    namespace && ` of ${namespace}`,
    config && ` of ${config}`,
    cause && ` from ${causeWords[cause]}`,
    reason && ` with “${reasonWords(reason)}”`,
    host && ` at ${host}`,
    text && ` that mention “${text}”`,
    since && ` of the last ${since}`,
    before && ", older",
  ];
  const words = what.filter(Boolean).join("");
  const amount = `${grouped(fitting.jobs)}${fitting.isMore ? "+" : ""}`;
  return html`${words.charAt(0).toUpperCase()}${words.slice(1)} <span class="amount">(${amount})</span>`;
}

function foldedLine(folded: number): Html {
  const what = `${counted(folded, "job")} that ${folded === 1 ? "waits" : "wait"} for a problem above ${folded === 1 ? "is" : "are"} not listed.`;
  return html`<p class="faint">${what} <a href="/?outcome=waiting">Show all that wait</a></p>`;
}

/** Buttons for all jobs of a filtered list. */
function bulkActions({ filter, records }: JobsPage): readonly (Html | false)[] {
  if (!isFiltered(filter) || filter.state === "done" || filter.state === "running" || records.length === 0) return [];
  const whole = { ...filter, before: undefined, beforeTime: undefined };
  const some = records.some(({ state, result }) => ["failed", "waiting", "analysis-failed"].includes(outcomeOf(state, result)));
  return [
    some && actionForm(listPath(whole, "/jobs/retry-matching"), "Retry all of these", "jobs"),
    some && actionForm(listPath(whole, "/jobs/dismiss-matching"), "Dismiss all of these", "jobs", "confirmed"),
  ];
}

/** Says why the list is empty, and what would change that. */
function empty({ filter, status, folded, next }: JobsPage): Html {
  if (next) return html`<div class="empty"><p>None of the jobs that were looked at so far is like that.</p></div>`;
  if (isFiltered(filter) || filter.before !== undefined)
    return html`<div class="empty"><p>No jobs match these filters.</p><p><a href="/">Show all jobs</a></p></div>`;
  if (folded > 0) return html`<div class="empty"><p>All jobs wait for the problem above.</p></div>`;
  if (!status.ready.ok)
    return html`<div class="empty"><p>The builds are being listed.</p><p>Builds that ended appear here as soon as the first list is complete.</p></div>`;
  return html`<div class="empty"><p>No jobs yet.</p><p>When the next build ends, its image appears here. To try it: <code>oc start-build</code>, or <code>build-watcher submit</code> with an image's name.</p></div>`;
}
