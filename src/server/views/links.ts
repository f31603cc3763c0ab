import { type Html, html } from "./html.ts";

/** A link out of the page, if it is a web address. */
export function outsideLink(address: string | undefined, words: string, kind = "out"): Html | undefined {
  if (address === undefined || !/^https?:\/\//i.test(address)) return undefined;
  return html`<a class="${kind}" href="${address}" rel="noopener noreferrer">${words}<span class="unseen"> at ${address.slice(0, 100)}</span> ↗</a>`;
}
