import { type Html, html } from "../html.ts";
import { layout } from "../layout.ts";

/** A page that says what went wrong and where to go from here. */
export function problemPage(title: string, message: string): Html {
  const body = html`<div class="empty"><h1>${title}</h1><p>${message}</p><p><a href="/">All jobs</a></p></div>`;
  return layout({ title: `${title} · build-watcher`, body, mayChange: false });
}
