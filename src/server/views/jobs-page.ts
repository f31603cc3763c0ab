import { type JobRecord, jobStates } from "../../queue/job-queue.ts";
import type { ListFilter } from "../list-filter.ts";
import { isFiltered, listPath } from "../list-filter.ts";
import type { Status } from "../status.ts";
import { type Html, html } from "./html.ts";
import { jobRow } from "./job-row.ts";
import { layout } from "./layout.ts";
import { overview, overviewLine } from "./overview.ts";

export interface JobsPage {
  readonly status: Status;
  readonly records: readonly JobRecord[];
  readonly filter: ListFilter;
  /** Whether older records follow. */
  readonly hasMore: boolean;
  readonly now: number;
  readonly mayChange: boolean;
  /** The address of the stream of changes. */
  readonly events: string;
}

/** The page: the overview, and the jobs below. */
export function jobsPage(page: JobsPage): Html {
  const { status, now, events, mayChange } = page;
  const waiting = status.counts.failed > 0 ? ` · ${status.counts.failed} failed` : "";
  return layout({
    title: `build-watcher${waiting}`,
    events,
    mayChange,
    body: html`<h1 class="unseen">What the bot saw, and what became of it</h1>
${overview(status, now)}
<p id="line" class="unseen" role="status">${overviewLine(status)}</p>
${filterForm(page)}
${list(page)}`,
  });
}

function filterForm({ filter, status, records }: JobsPage): Html {
  const names = new Set(
    [...status.namespaces, ...records.map(({ job }) => job.build?.namespace)].filter((name) => name !== undefined),
  );
  return html`<form class="filters" role="search" aria-label="Jobs" action="/">
<label>State <select name="state"><option value="">all</option>${jobStates.map((state) => html`<option${filter.state === state && html` selected`}>${state}</option>`)}</select></label>
<label>Namespace <input name="namespace" list="namespaces" value="${filter.namespace ?? ""}" maxlength="63" autocomplete="off" spellcheck="false" placeholder="all"></label>
<datalist id="namespaces">${[...names].map((name) => html`<option value="${name}">`)}</datalist>
<label class="wide">Text <input type="search" name="text" value="${filter.text ?? ""}" maxlength="200" autocomplete="off" spellcheck="false" placeholder="build, image, digest, revision, error"></label>
<button>Filter</button>
${isFiltered(filter) && html`<a class="clear" href="/">Clear</a>`}
</form>`;
}

function list(page: JobsPage): Html {
  const { records, filter, hasMore, now } = page;
  return html`<section id="jobs" aria-labelledby="jobs-title">
<div class="heading"><h2 id="jobs-title">${title(filter)}</h2></div>
<table class="jobs"${records.length === 0 && html` hidden`}>
<caption class="unseen">Jobs, those that changed last first</caption>
<thead><tr><th scope="col">State</th><th scope="col">Build</th><th scope="col">Image</th><th scope="col">What happened</th><th scope="col"><span class="unseen">Actions</span></th></tr></thead>
<tbody>${records.map((record) => jobRow(record, now))}</tbody>
</table>
${records.length === 0 && empty(page)}
<nav class="pages" aria-label="Pages">
${filter.before !== undefined && html`<a href="${listPath({ ...filter, before: undefined, beforeTime: undefined })}">Newest</a>`}
${hasMore && html`<a rel="next" href="${listPath(olderThan(filter, records))}">Older</a>`}
</nav>
</section>`;
}

function title({ state, namespace, text, before }: ListFilter): string {
  const what = [
    state && `${state} `,
    "jobs",
    namespace && ` of ${namespace}`,
    text && ` that mention “${text}”`,
    before && ", older",
  ];
  const words = what.filter(Boolean).join("");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function olderThan(filter: ListFilter, records: readonly JobRecord[]): ListFilter {
  const last = records.at(-1);
  return { ...filter, before: last?.job.id, beforeTime: last?.updatedAt };
}

/** Says why nothing is to be seen, and what would change that. */
function empty({ filter, status }: JobsPage): Html {
  if (isFiltered(filter) || filter.before !== undefined)
    return html`<div class="empty"><p>No job is like that.</p><p><a href="/">Show all jobs</a></p></div>`;
  if (!status.ready.ok)
    return html`<div class="empty"><p>The builds are being listed.</p><p>Those that ended appear here as soon as the first list is complete.</p></div>`;
  return html`<div class="empty"><p>No job yet.</p><p>When the next build ends, its image appears here by itself. To try it: <code>oc start-build</code>, or <code>build-watcher submit</code> with an image's name.</p></div>`;
}
