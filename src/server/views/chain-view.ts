import { buildName, describeJob } from "../../core/jobs/job.ts";
import type { Chain, ChainLink } from "../records/chain.ts";
import { type Html, html } from "./html.ts";
import { imageView, jobPath } from "./job-row.ts";
import { outside, stateBadge } from "./words.ts";

/** The chain of builds as a tree, from the base image up. */
export function chainView({ foundation, first }: Chain): Html {
  const tree = html`<ul>${linkView({ ...first, takesFiles: false })}</ul>`;
  if (foundation === undefined) return html`<div class="chain">${tree}</div>`;
  return html`<div class="chain"><ul><li><div class="link foundation"><span class="faint">${first.takesFiles ? "takes files from" : "based on"}</span> ${imageView(foundation)}</div>${tree}</li></ul></div>`;
}

function linkView({ record, isAsked, takesFiles, madeOnIt, isCut }: ChainLink): Html {
  const { job } = record;
  const name = outside(job.build ? buildName(job, job.build) : describeJob(job), 160);
  const named = isAsked ? html`<b aria-current="true">${name}</b>` : html`<a href="${jobPath(job.id)}">${name}</a>`;
  const children = html`<ul>${madeOnIt.map(linkView)}${isCut && html`<li><div class="link foundation">and more</div></li>`}</ul>`;
  const kind = job.build?.kind !== undefined && html` <span class="faint">${outside(job.build.kind, 40)}</span>`;
  const how = takesFiles && html` <span class="faint">takes files from it</span>`;
  return html`<li><div class="link${isAsked && " asked"}">${stateBadge(record)} ${named}${kind}${how}</div>${madeOnIt.length > 0 && children}</li>`;
}
