import { grouped } from "../../core/numbers.ts";
import type { Minute } from "../activity.ts";
import { type Html, html } from "./html.ts";

const width = 240;
const height = 44;

/** The ended jobs of an hour, one bar per minute, failed ones on top. The analyses that failed after them are counted in words. */
export function sparkline(minutes: readonly Minute[], analysesFailed: number): Html {
  const done = sum(minutes, "done");
  const failed = sum(minutes, "failed");
  const highest = Math.max(4, ...minutes.map((minute) => minute.done + minute.failed));
  const step = width / minutes.length;
  const bars = minutes.map((minute, index) => {
    const doneHeight = tall(minute.done, highest);
    const failedHeight = tall(minute.failed, highest);
    const x = (index * step).toFixed(1);
    return html`${bar("done", x, height - doneHeight, step, doneHeight)}${bar("failed", x, height - doneHeight - failedHeight, step, failedHeight)}`;
  });
  const label = `Jobs ended in the last hour, by minute: ${done} done, ${failed} failed`;
  const amount = (count: number, words: string) => html`<b>${grouped(count)}</b> ${words}`;
  const jobs = (failed > 0 || analysesFailed === 0) && html`, ${amount(failed, "failed")}`;
  const analyses =
    analysesFailed > 0 &&
    html`, <span class="failed">${amount(analysesFailed, analysesFailed === 1 ? "analysis failed" : "analyses failed")}</span>`;
  return html`<figure class="sparkline">
<svg viewBox="0 0 ${width} ${height + 1}" preserveAspectRatio="none" role="img" aria-label="${label}"><line x1="0" x2="${width}" y1="${height + 0.5}" y2="${height + 0.5}"/>${bars}</svg>
<figcaption>${amount(done, analysesFailed > 0 ? "submitted" : "done")}${jobs}${analyses}</figcaption>
</figure>`;
}

function bar(kind: string, x: string, y: number, step: number, tallness: number): Html | undefined {
  if (tallness === 0) return undefined;
  return html`<rect class="${kind}" x="${x}" y="${y.toFixed(1)}" width="${(step * 0.75).toFixed(1)}" height="${tallness.toFixed(1)}" rx="0.8"/>`;
}

/** A single job stays visible next to hundreds. */
function tall(amount: number, highest: number): number {
  return amount === 0 ? 0 : Math.max((amount / highest) * height, 2);
}

function sum(minutes: readonly Minute[], what: keyof Minute): number {
  return minutes.reduce((total, minute) => total + minute[what], 0);
}
