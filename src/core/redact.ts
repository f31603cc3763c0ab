const censored = "***";

/** Credentials that can be recognised by their form: userinfo in URLs, Authorization headers, tokens in queries and in JSON. */
const patterns: readonly [RegExp, string][] = [
  [/:\/\/[^\s/?#"']*@/g, `://${censored}@`],
  [/\b(basic|bearer)\s+[A-Za-z0-9._~+/-]{8,}=*/gi, `$1 ${censored}`],
  [/([?&](?:[a-z_-]*(?:token|password|passwd|secret)|account|x-amz-[a-z-]+|sig|signature)=)[^&\s"']+/gi, `$1${censored}`],
  [/("(?:[a-z_-]*(?:token|password|secret))"\s*:\s*")[^"]*/gi, `$1${censored}`],
];

/** A URL whose userinfo was cut off before its end. */
const cutUserinfo = /:\/\/[^\s/?#"'@]*$/;

/** A secret that could be a word must stand alone, so that a password "info" does not change "information". */
const longestWord = 12;
const shortestFragment = 8;

/** How many characters of a text are read. */
const mostLookedAt = 8_000;

/** All spellings of these secrets, longest first, so that no part of one is left. */
export function formsOf(secrets: readonly string[]): readonly string[] {
  const forms = secrets
    .filter(Boolean)
    .flatMap((secret) => [secret, ...formsInQuery(secret), JSON.stringify(secret).slice(1, -1)]);
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

/** As browsers and as HTML forms write it. */
function formsInQuery(secret: string): readonly string[] {
  return [encodeURIComponent(secret.toWellFormed()), new URLSearchParams([["", secret]]).toString().slice(1)];
}

/**
 * The text of another program, safe to show: without these secrets in any encoding. Only its beginning is read, and no part of a secret is
 * left where it was cut.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const forms = formsOf(secrets);
  const isCut = text.length > mostLookedAt;
  const beginning = isCut ? withoutBegun(text.slice(0, mostLookedAt), forms).replace(cutUserinfo, `://${censored}`) : text;
  return patterns.reduce((shown, [pattern, replacement]) => shown.replace(pattern, replacement), hide(beginning, forms));
}

/** A text without these spellings of secrets. One that could be a word is removed only where it stands alone. */
export function hide(text: string, forms: readonly string[]): string {
  return forms.reduce((shown, form) => hideForm(shown, form), text);
}

function hideForm(text: string, form: string): string {
  const mayBeWord = form.length < shortestFragment || (form.length <= longestWord && /^[a-z]+$/i.test(form));
  if (!mayBeWord) return text.replaceAll(form, censored);
  let shown = "";
  let from = 0;
  for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
    if (at < from || !standsAlone(text, form, at)) continue;
    shown += `${text.slice(from, at)}${censored}`;
    from = at + form.length;
  }
  return shown + text.slice(from);
}

/** Whether it stands alone; a spelling of one or two characters must also be in the place of a value. */
function standsAlone(text: string, form: string, at: number): boolean {
  const end = at + form.length;
  if (form.length === text.length) return true;
  if (goesOn(text[end - 1], text[end]) || (goesOn(text[at], text[at - 1]) && !isEscape(text.slice(Math.max(at - 3, 0), at))))
    return false;
  return form.length > 2 || (at > 0 && ":=/\"'".includes(text[at - 1] ?? ""));
}

function goesOn(edge: string | undefined, next: string | undefined): boolean {
  return edge !== undefined && next !== undefined && /[A-Za-z0-9]/.test(edge) && /[A-Za-z0-9]/.test(next);
}

/** `%3A` of a query, or `\n` of a quoted text. */
function isEscape(before: string): boolean {
  return /%[0-9A-F]{2}$/i.test(before) || /\\[a-z]$/.test(before);
}

/** A text that was cut off, without the beginning of a secret that it may end with. */
function withoutBegun(text: string, forms: readonly string[]): string {
  const begun = forms.map((form) => {
    let length = Math.min(form.length - 1, text.length);
    while (length > 0 && !text.endsWith(form.slice(0, length))) length--;
    return length;
  });
  return text.slice(0, text.length - Math.max(0, ...begun));
}
