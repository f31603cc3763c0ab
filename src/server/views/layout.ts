import { type Html, html, type Part } from "./html.ts";

export interface Document {
  readonly title: string;
  readonly body: Part;
  /** What `live.js` listens to: the stream's address. Absent on pages that do not change. */
  readonly events?: string;
  /** Whether the buttons would work. */
  readonly mayChange: boolean;
  readonly version?: string;
  /** Whether the bot reads packages: then each page leads to the search for them. */
  readonly readsPackages?: boolean;
}

/** A whole page. Without scripts it reloads instead of being updated. */
export function layout({ title, body, events, mayChange, version, readsPackages = false }: Document): Html {
  const live = events !== undefined && html`<noscript><meta http-equiv="refresh" content="30"></noscript>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%230a6c74' stroke-width='2.5'/%3E%3Ccircle cx='8' cy='8' r='2.5' fill='%230a6c74'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/assets/style.css">
<script type="module" src="/assets/live.js"></script>
${live}
</head>
<body data-form-token="" class="${mayChange ? "may-change" : "read-only"}"${events !== undefined && html` data-events="${events}"`}>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<p class="name"><a href="/"><svg class="logo" viewBox="0 0 16 16" width="20" height="20" aria-hidden="true"><circle cx="8" cy="8" r="6.2"/><circle class="pupil" cx="8" cy="8" r="2.6"/></svg> build-watcher</a></p>
${events !== undefined && liveControls()}
</header>
<p id="lost" class="lost" role="alert" hidden></p>
<main id="main" tabindex="-1">
${body}
</main>
<p id="message" class="message" role="alert" hidden></p>
<footer class="bottom">build-watcher${version !== undefined && ` ${version}`}${readsPackages && html` · <a href="/packages">Packages</a>`} · For programs: <a href="/api/openapi.json">API</a></footer>
</body>
</html>
`;
}

function liveControls(): Html {
  return html`<div class="live" hidden data-needs-script>
<span id="connection" class="connection" data-state="connecting">connecting</span>
<button type="button" id="pause" aria-pressed="false"><span>Pause</span><span class="unseen-if-narrow"> updates</span></button>
</div>`;
}

/** A form with one button that changes something; `confirmed` asks first. */
export function actionForm(
  action: string,
  label: string,
  about: string,
  kind: "plain" | "primary" | "confirmed" = "plain",
): Html {
  return html`<form class="action" method="post" action="${action}"${kind === "confirmed" && html` data-confirm="${label}?"`}><input type="hidden" name="token" value=""><button class="${kind}">${label}<span class="unseen"> ${about}</span></button></form>`;
}

/** The page with the token in its forms. Outside text is already escaped here, so it holds no quotation mark. */
export function withFormToken(page: string, token: string): string {
  return page
    .replaceAll('name="token" value=""', `name="token" value="${token}"`)
    .replace('data-form-token=""', `data-form-token="${token}"`);
}
