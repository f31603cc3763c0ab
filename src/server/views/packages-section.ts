import { grouped } from "../../core/numbers.ts";
import type { ContentSummary, PackageChange } from "../../inventory/inventory.ts";
import type { JobPackages } from "../packages/job-packages.ts";
import { type Html, html } from "./html.ts";
import { jobPath } from "./job-row.ts";
import { originView } from "./pages/packages-page.ts";
import { counted, outside } from "./words.ts";

/** The packages in a job's image, what changed, and what its base image brought. */
export function packagesSection(jobId: string, found: JobPackages): Html {
  const { contents, packages, fromBase, changes } = found;
  const count = contents[0]?.count ?? 0;
  return html`<section id="packages"><h2>Packages</h2>
${contents.map(contentLine)}
${fromBase !== undefined && html`<p>${counted(fromBase, "package")} of the base image, ${grouped(count - fromBase)} of its own.</p>`}
${changes && changesView(changes)}
<p><a class="button" href="/api/jobs/${encodeURIComponent(jobId)}/sbom">Bill of materials (CycloneDX)</a></p>
${count > 0 && packageList(packages, count)}
</section>`;
}

function packageList(packages: JobPackages["packages"], count: number): Html {
  return html`<details><summary>${packages.length < count ? `The first ${grouped(packages.length)} packages` : "All packages"}</summary>
<table class="jobs found"><thead><tr><th scope="col">Package</th><th scope="col">Version</th><th scope="col">From</th></tr></thead>
<tbody>${packages.map((one) => html`<tr><td><a href="/packages?q=${encodeURIComponent(one.name)}" title="${one.purl}">${outside(one.group ? `${one.group}:${one.name}` : one.name)}</a></td><td>${outside(one.version)}</td><td>${originView(one.origin)}</td></tr>`)}</tbody></table>
</details>`;
}

const coverageWords = { complete: "", partial: " (not all: part of the image could not be read)", unknown: "" } as const;

function contentLine({ platform, distribution, count, completeness, reasons }: ContentSummary): Html {
  const system = distribution && `${distribution.family} ${distribution.version}`;
  const where = [platform, system].filter((text) => text !== undefined).join(", ");
  const what =
    completeness === "unknown"
      ? "It is not known which packages are in it"
      : `${counted(count, "package")}${coverageWords[completeness]}`;
  return html`<p>${what}${where !== "" && html` · ${outside(where)}`}</p>
${reasons.length > 0 && html`<ul class="problem">${reasons.map((reason) => html`<li>${outside(reason)}</li>`)}</ul>`}`;
}

function changesView({ changes, count, since }: NonNullable<JobPackages["changes"]>): Html {
  const before = html`<a href="${jobPath(since.job.id)}">${outside(since.job.build?.name ?? "the build before")}</a>`;
  if (count === 0) return html`<p>The same packages as ${before}.</p>`;
  return html`<details open><summary>${counted(count, "difference")} to ${before}</summary><ul class="changes">${changes.map((change) => html`<li>${changeView(change)}</li>`)}</ul>${count > changes.length && html`<p>and ${grouped(count - changes.length)} more</p>`}</details>`;
}

function changeView({ name, before, after, purl }: PackageChange): Html {
  const title = html`<span title="${purl}">${outside(name)}</span>`;
  if (before === undefined) return html`<span aria-label="came">+</span> ${title} ${outside(after ?? "")}`;
  if (after === undefined) return html`<span aria-label="went">−</span> ${title} ${outside(before)}`;
  return html`<span aria-label="changed">→</span> ${title} ${outside(before)} → ${outside(after)}`;
}
