import type { NamedBuild } from "../../core/builds/build.ts";
import { buildLink, type Console } from "../../core/hosts/web-links.ts";
import type { Builds, FailedBuild, RunningBuild } from "../builds.ts";
import { type Html, html } from "./html.ts";
import { outsideLink } from "./links.ts";
import { counted, outside, timeAgo } from "./words.ts";

/** How many builds are named in the line, and how many in the list. */
const named = 3;
const listed = 100;

/** The running builds, and those whose BuildConfig's last build failed: one line that unfolds. Nothing if there are none. */
export function buildsView({ running, failed }: Builds, console: Console | undefined, now: number): Html | undefined {
  if (running.length === 0 && failed.length === 0) return undefined;
  const rows = [
    ...failed.slice(0, listed).map((build) => failedRow(build, console, now)),
    ...running.slice(0, listed).map((build) => runningRow(build, console, now)),
  ];
  return html`<details class="builds"><summary>
${failed.length > 0 && html`<span class="failed"><span aria-hidden="true">✕</span> ${counted(failed.length, "build")} failed on the cluster</span> <span class="names">${names(failed)}</span>`}
${running.length > 0 && html`<span class="running"><span aria-hidden="true">◐</span> ${counted(running.length, "build")} running</span> <span class="names">${names(running)}</span>`}
</summary><ul>${rows}</ul></details>`;
}

/** For screen readers; empty when there is nothing to say. */
export function buildsLine({ failed }: Builds): string {
  return failed.length > 0 ? `${counted(failed.length, "build")} failed on the cluster` : "";
}

function names(builds: readonly { readonly build: NamedBuild }[]): Html {
  const rest = builds.length - named;
  return outside(
    `${builds
      .slice(0, named)
      .map(({ build }) => fullName(build))
      .join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`,
  );
}

function failedRow({ build, reason, endedAt }: FailedBuild, console: Console | undefined, now: number): Html {
  return html`<li class="failed"><span aria-hidden="true">✕</span> <b>${outside(fullName(build))}</b> ${outside(reason, 200)}, ${timeAgo(endedAt, now)} ${outsideLink(buildLink(console, build), "Console")}</li>`;
}

function runningRow({ build, phase, startedAt }: RunningBuild, console: Console | undefined, now: number): Html {
  const state = phase === "Running" ? "running" : "waiting to run";
  const began = startedAt !== undefined && html`, started ${timeAgo(startedAt, now)}`;
  return html`<li class="running"><span aria-hidden="true">◐</span> <b>${outside(fullName(build))}</b> ${state}${began} ${outsideLink(buildLink(console, build), "Console")}</li>`;
}

function fullName({ namespace, name }: NamedBuild): string {
  return `${namespace}/${name}`;
}
