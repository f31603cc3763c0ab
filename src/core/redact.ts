const censored = "***";

/** Texts of credentials that need no list: userinfo in URLs, Authorization headers, tokens in queries and in JSON. */
const patterns: readonly [RegExp, string][] = [
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'@]*@/gi, `$1${censored}@`],
  [/\b(basic|bearer)\s+[A-Za-z0-9._~+/-]{8,}=*/gi, `$1 ${censored}`],
  [/([?&](?:[a-z_-]*token|password|account|x-amz-[a-z-]+|sig|signature)=)[^&\s"']+/gi, `$1${censored}`],
];

/** Every way in which these secrets are written into texts, the longest first, so that none is left in part. */
export function formsOf(secrets: readonly string[]): readonly string[] {
  const forms = secrets
    .filter(Boolean)
    .flatMap((secret) => [secret, ...formsInQuery(secret), JSON.stringify(secret).slice(1, -1)]);
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

/** As browsers and as HTML forms write it. */
function formsInQuery(secret: string): readonly string[] {
  return [encodeURIComponent(secret), new URLSearchParams([["", secret]]).toString().slice(1)];
}

/** A text of another program as it may be shown: without these secrets, however they were encoded. */
export function redact(text: string, secrets: readonly string[]): string {
  const bare = formsOf(secrets).reduce((shown, form) => shown.replaceAll(form, censored), text);
  return patterns.reduce((shown, [pattern, replacement]) => shown.replace(pattern, replacement), bare);
}
