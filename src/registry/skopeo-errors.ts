import { type FailureReason, JobError } from "../core/errors.ts";
import { forPeople } from "../core/outside-text.ts";
import { redact } from "../core/redact.ts";

/** How a skopeo process ended. */
export interface SkopeoExit {
  readonly code: number | null;
  /** The signal that ended it, if one did. */
  readonly signal: string | null;
  readonly stderr: string;
}

/** A failed copy, and on which side it failed. */
export class SkopeoError extends JobError {
  readonly side: "source" | "destination";

  constructor(side: "source" | "destination", ...args: ConstructorParameters<typeof JobError>) {
    super(...args);
    this.side = side;
  }
}

/** Whether a copy failed at the registry it comes from. */
export function isAboutSource(error: unknown): boolean {
  return error instanceof SkopeoError && error.side === "source";
}

interface Rule {
  readonly pattern: RegExp;
  readonly reason: FailureReason;
  readonly retryable?: boolean;
}

/** What skopeo says while it deals with the source; everything else it says of the destination. */
const aboutSource =
  /^(?:initializing (?:source|image from source)|parsing source|reading (?:manifest|blob|config)|determining manifest|error (?:initializing source|determining manifest|reading (?:manifest|blob)|parsing)|choosing an image|source image|invalid source)/i;

/** Where both sides may say the same. The first rule that fits decides; wordings are those of skopeo 1.9 to 1.22. */
const rules: readonly Rule[] = [
  { pattern: /unknown flag|unknown shorthand/i, reason: "CopyFailed", retryable: false },
  {
    pattern: /invalid reference|both a tag and digest|invalid (?:source|destination) name|repository name must/i,
    reason: "BadReference",
  },
  { pattern: /no space left on device/i, reason: "DiskFull" },
  { pattern: /x509:|tls: failed to verify|server gave HTTP response/i, reason: "RegistryUntrusted" },
  { pattern: /trust policy|rejected by policy|signature was required/i, reason: "CopyFailed", retryable: false },
  { pattern: /toomanyrequests|too many requests|\b429 \(|status(?:code)?:? 429\b/i, reason: "RateLimited" },
  { pattern: /reading json file/i, reason: "RegistryDenied" },
  {
    pattern:
      /unauthorized|authentication required|invalid username\/password|access to the resource is denied|(?<!permission )\bdenied\b|403 \(forbidden\)|status:? (?:code )?40[13]\b/i,
    reason: "RegistryDenied",
  },
  { pattern: /invalid status code from registry 4\d\d/i, reason: "CopyFailed" },
  { pattern: /StatusCode: 413|request entity too large/i, reason: "CopyFailed", retryable: false },
  { pattern: /StatusCode: 405|method not allowed|unsupported: the operation/i, reason: "RegistryUnavailable" },
  { pattern: /context deadline exceeded(?! \(Client)/i, reason: "TimedOut" },
  {
    pattern:
      /connection refused|connection reset|i\/o timeout|handshake timeout|no such host|server misbehaving|no route to host|network is unreachable|proxyconnect|\bEOF\b|unexpected HTTP status: 5\d\d|status(?:code)?:? 5\d\d|\b50[0234] \(|client\.timeout|closed network connection|broken pipe|server closed/i,
    reason: "RegistryUnavailable",
  },
];

const missing = /manifest unknown|name unknown|404 \(not found\)|blob unknown/i;

const longestMessage = 600;
/** Far beyond what is shown, so that a secret is never cut in two before it is found. */
const longestLine = 4_000;

/** What a failed copy means, by the words of skopeo's last fatal line, which the message shows without secrets. */
export function explainFailure(exit: SkopeoExit, what: string, secrets: readonly string[]): SkopeoError {
  const line = lastFatalLine(exit.stderr).slice(0, longestLine);
  const { reason, retryable } = judge(exit, line);
  const shown = forPeople(redact(line || endedBy(exit), secrets), longestMessage);
  const message = `skopeo could not copy ${what}: ${shown}`;
  const side = aboutSource.test(line) ? "source" : "destination";
  return new SkopeoError(side, reason, message, retryable === undefined ? {} : { retryable });
}

/** The message of the last `level=fatal` line, unquoted; else the last line that says anything. */
export function lastFatalLine(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const fatal = lines.findLast((line) => /\blevel=fatal\b/.test(line));
  const quoted = /\bmsg="((?:[^"\\]|\\.)*)"/.exec(fatal ?? "")?.[1];
  if (quoted !== undefined) return unquote(quoted);
  return (/\bmsg=(\S+)/.exec(fatal ?? "")?.[1] ?? lines.at(-1) ?? "").trim();
}

function judge({ code }: SkopeoExit, line: string): Pick<Rule, "reason" | "retryable"> {
  const known = rules.find(({ pattern }) => pattern.test(line));
  if (known) return known;
  if (code !== 2 && !missing.test(line)) return { reason: "CopyFailed" };
  // A push registry that wants its repositories made beforehand says the same as one that lost an image.
  return code === 2 || aboutSource.test(line) ? { reason: "ImageNotFound" } : { reason: "CopyFailed", retryable: false };
}

function endedBy({ code, signal }: SkopeoExit): string {
  if (signal === "SIGKILL") return "it was ended by SIGKILL, as a system does that is out of memory";
  return signal ? `it was ended by ${signal}` : `it ended with code ${code} and said nothing`;
}

/** Undoes Go's quoting (strconv.Quote), which logrus applies to messages; line breaks become blanks. */
function unquote(text: string): string {
  return text
    .replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gi, (_, hex: string, unicode: string, plain: string) => {
      if (hex ?? unicode) return String.fromCharCode(Number.parseInt(hex ?? unicode, 16));
      return /[ntrfvab]/.test(plain) ? " " : plain;
    })
    .replace(/\s+/g, " ")
    .trim();
}
