import type { Completeness } from "../../../inventory/inventory.ts";
import {
  coverageText,
  type FoundGroup,
  type FoundImage,
  type FoundPackage,
  type FoundPackages,
  noneText,
} from "../../packages/answer.ts";
import type { Origin } from "../../packages/origin.ts";
import { type Html, html } from "../html.ts";
import { jobPath } from "../job-row.ts";
import { layout } from "../layout.ts";
import { counted, outside, timeAgo } from "../words.ts";

export interface PackagesPage {
  /** What was asked. */
  readonly text: string;
  readonly found: FoundPackages | undefined;
  /** Why there is no answer. */
  readonly problem: string | undefined;
  readonly coverage: Readonly<Record<Completeness, number>> | undefined;
  readonly now: number;
  readonly mayChange: boolean;
  readonly version: string;
}

/** The page that answers which images have a package. */
export function packagesPage(page: PackagesPage): Html {
  const { text, found, problem, coverage, mayChange, version } = page;
  return layout({
    title: `${text ? `${text.slice(0, 100)} · ` : ""}Packages · build-watcher`,
    mayChange,
    version,
    readsPackages: coverage !== undefined,
    body: html`<p class="back"><a href="/">All jobs</a></p>
<div class="heading"><h1>Which images contain it?</h1></div>
<form class="filters" role="search" aria-label="Packages" action="/packages">
<label class="wide"><span>Package</span> <input type="search" name="q" value="${text}" maxlength="500" autocomplete="off" spellcheck="false" placeholder="log4j-core@2.14, openssl-libs@&lt;3.0.8, or a package URL" autofocus></label>
<button>Search</button>
</form>
${problem !== undefined && html`<p class="problem" role="alert">${outside(problem)}</p>`}
${found && answerView(found, page)}
${coverage && html`<p class="faint">${coverageText(coverage)}</p>`}`,
  });
}

function answerView({ groups, more, coverage }: FoundPackages, { now }: PackagesPage): Html {
  if (groups.length === 0) return html`<p role="status">${noneText(coverage)}</p>`;
  return html`<section aria-labelledby="found">
<div class="heading"><h2 id="found">${counted(groups.length, "place")}</h2></div>
<table class="jobs found">
<caption class="unseen">Images with the package, those built last first</caption>
<thead><tr><th scope="col">BuildConfig</th><th scope="col">Package</th><th scope="col">From</th><th scope="col">Build</th><th scope="col">Built</th></tr></thead>
<tbody>${groups.map((group) => groupRow(group, now))}</tbody>
</table>
${more && html`<p>There are more images than are listed here; ask for a version or a range.</p>`}
</section>`;
}

function groupRow({ subject, isCurrent, newest, older }: FoundGroup, now: number): Html {
  const gone = !isCurrent && html`<p class="faint">Its newest build does not have it any more.</p>`;
  const fold =
    older.length > 0 &&
    html`<details><summary>${counted(older.length, "older build")}</summary><ul>${older.slice(0, 50).map((image) => html`<li>${buildView(image)} ${versionsOf(image)} ${builtAt(image, now)}</li>`)}</ul></details>`;
  return html`<tr><td>${outside(subject)}${gone}</td><td>${newest.packages.map(packageView)}</td><td>${originsView(newest)}</td><td>${buildView(newest)}${fold}</td><td>${builtAt(newest, now)}</td></tr>`;
}

function packageView({ purl, name, version }: FoundPackage): Html {
  return html`<p title="${purl}">${outside(name)} ${outside(version)}</p>`;
}

function versionsOf({ packages }: FoundImage): Html {
  return outside([...new Set(packages.map(({ version }) => version))].join(", "));
}

/** Where to fix it. */
export function originView(origin: Origin): Html {
  if (origin.kind === "own") return html`own layer`;
  return html`base: fix it in ${outside(origin.buildConfig ?? origin.image)}`;
}

function originsView({ packages }: FoundImage): Html {
  const views = new Map(packages.map(({ origin }) => [JSON.stringify(origin), origin]));
  return html`${[...views.values()].map((origin) => html`<p>${originView(origin)}</p>`)}`;
}

function buildView({ job, build, namespace, image, commit, platform }: FoundImage): Html {
  const name = build === undefined ? image : `${namespace}/${build}`;
  const link = job === undefined ? outside(name) : html`<a href="${jobPath(job)}">${outside(name)}</a>`;
  const revision = commit !== undefined && html` <code title="${commit}">${outside(commit.slice(0, 8))}</code>`;
  return html`${link}${revision}${platform !== undefined && html` <span class="faint">${outside(platform)}</span>`}`;
}

function builtAt({ completedAt }: FoundImage, now: number): Html | false {
  const at = Date.parse(completedAt ?? "");
  return !Number.isNaN(at) && timeAgo(at, now);
}
