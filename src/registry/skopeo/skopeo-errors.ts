import { formatImageReference } from "../../core/images/image-reference.ts";
import { type FailureReason, JobError } from "../../core/jobs/errors.ts";
import { forPeople } from "../../core/outside-text.ts";
import { redact } from "../../core/redact.ts";
import { refusalReason } from "./refusals.ts";
import { type CopyNames, type CopySide, readLine, type ToldFailure } from "./skopeo-line.ts";

/** How a skopeo process ended. */
export interface SkopeoExit {
  readonly code: number | null;
  /** The signal that ended it, if one did. */
  readonly signal: string | null;
  readonly stderr: string;
}

/** A failed copy, and on which side it failed, where that is certain. */
export class SkopeoError extends JobError {
  readonly side: CopySide | undefined;

  constructor(side: CopySide | undefined, ...args: ConstructorParameters<typeof JobError>) {
    super(...args);
    this.side = side;
  }
}

/** The registry where a copy failed; undefined if unknown. The bot's own requests name their host. */
export function failedAt(error: unknown, { source, destination }: CopyNames): string | undefined {
  if (!(error instanceof SkopeoError)) return error instanceof JobError ? error.host : undefined;
  if (error.side === undefined) return undefined;
  return error.side === "source" ? source.registry : destination.registry;
}

interface Verdict {
  readonly reason: FailureReason;
  readonly retryable?: boolean;
}

interface Rule extends Verdict {
  readonly pattern: RegExp;
}

/** skopeo's errors about this machine, the image's format, and the connection to a registry. The first match decides; wordings of 1.9 to 1.22. */
const ownWords: readonly Rule[] = [
  { pattern: /^unknown (?:shorthand )?flag/i, reason: "CopyFailed", retryable: false },
  { pattern: /^invalid (?:source|destination) name|both a tag and digest/i, reason: "BadReference" },
  { pattern: /unexpectedly received a manifest list|nested|index instead of a manifest/i, reason: "NestedIndex" },
  {
    pattern:
      /preserve digests|compression is not supported|unsupported manifest|unknown manifest type|must be converted to type/i,
    reason: "UnsupportedImage",
  },
  {
    pattern: /error loading trust policy|source image rejected|rejected by policy|signature was required|invalid signature/i,
    reason: "SignatureRefused",
  },
  { pattern: /x509:|tls: (?:failed to verify|first record)|server gave HTTP response/i, reason: "RegistryUntrusted" },
  { pattern: /reading json file/i, reason: "RegistryDenied" },
];

/** What happens on the way, and here. */
const ofConnection: readonly Rule[] = [
  { pattern: /no space left on device/i, reason: "DiskFull" },
  { pattern: /context deadline exceeded(?! \(client)/i, reason: "TimedOut" },
  {
    pattern:
      /connection (?:refused|reset|broken|timed out)|connect: (?:permission denied|operation not permitted)|name resolution|i\/o timeout|handshake timeout|no such host|server misbehaving|no route to host|network is unreachable|\bEOF\b|client\.timeout|closed network connection|broken pipe|server closed|stream error|GOAWAY|remote error: tls|handshake failure/i,
    reason: "RegistryUnavailable",
  },
];

/** A proxy that cannot be reached, and one that answers instead of the registry, as Go reports it: only the words of its status after the address. */
const byProxy =
  /\bproxyconnect \w+:|\b(?:get|head|post|put|patch): (?:proxy authentication required|forbidden|bad gateway|service unavailable|gateway time-?out|not allowed|method not allowed|internal server error|unauthorized|access denied)\.?$/i;

/** Some proxies have words of their own for a status. Go puts nothing else than words after an address without saying where they come from. */
const bareWords = /\b(?:get|head|post|put|patch): [a-z][a-z -]{1,80}\.?$/i;

const longestMessage = 600;
/** Much longer than what is shown, so that a secret is never cut before it is found. */
const longestLine = 4_000;

export interface FailedCopy extends CopyNames {
  readonly secrets: readonly string[];
  /** The manifest's media type, if known. */
  readonly mediaType?: string | undefined;
  /** The proxy on the way to a registry, for people. */
  /** What it was to do, for people. Default: copy the one image to the other. */
  readonly work?: string;
  readonly proxyOf?: ((registry: string) => string | undefined) | undefined;
}

/** What a failed copy means, by skopeo's last fatal line, which the message shows without secrets. */
export function explainFailure(exit: SkopeoExit, copy: FailedCopy): SkopeoError {
  const line = lastFatalLine(exit.stderr).slice(0, longestLine);
  const told = readLine(line, copy);
  const { reason, retryable } = judge(exit, told, copy);
  const shown = forPeople(redact(line || endedBy(exit), copy.secrets), longestMessage);
  const { work = `copy ${formatImageReference(copy.source)} to ${formatImageReference(copy.destination)}` } = copy;
  const message = `skopeo could not ${work}: ${shown}${addition(reason, told, copy)}`;
  return new SkopeoError(told.side, reason, message, retryable === undefined ? {} : { retryable });
}

/** The message of the last `level=fatal` line, unquoted; else the last line with text. */
export function lastFatalLine(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const fatal = lines.findLast((line) => /\blevel=fatal\b/.test(line));
  const quoted = /\bmsg="((?:[^"\\]|\\.)*)"/.exec(fatal ?? "")?.[1];
  if (quoted !== undefined) return unquote(quoted);
  return (/\bmsg=(\S+)/.exec(fatal ?? "")?.[1] ?? lines.at(-1) ?? "").trim();
}

function judge(exit: SkopeoExit, told: ToldFailure, copy: FailedCopy): Verdict {
  const { words } = told;
  if (byProxy.test(words)) return { reason: "ProxyRefused" };
  const own = ownWords.find(({ pattern }) => pattern.test(words));
  if (own) return own;
  // Something other than a registry, or one that is being installed.
  if (/pinging container registry/i.test(words) && told.status !== undefined && told.status < 500 && told.status !== 429)
    return { reason: "CopyFailed" };
  const refusal = refusalReason(told, copy.mediaType);
  if (refusal) return refusal;
  const connection = ofConnection.find(({ pattern }) => pattern.test(words));
  if (connection) return connection;
  if (bareWords.test(words) && proxyBefore(told, copy) !== undefined) return { reason: "ProxyRefused" };
  return exit.code === 2 ? { reason: "ImageNotFound" } : { reason: "CopyFailed" };
}

/** What the reason means for this very image. */
function addition(reason: FailureReason, told: ToldFailure, copy: FailedCopy): string {
  if (reason === "IncompleteImage") return ` (the index names ${told.part}, which ${copy.source.registry} does not have)`;
  if (reason !== "ProxyRefused") return "";
  const proxy = proxyBefore(told, copy);
  return proxy === undefined ? "" : ` (the proxy is ${proxy})`;
}

function proxyBefore({ side }: ToldFailure, { source, destination, proxyOf }: FailedCopy): string | undefined {
  return proxyOf?.((side === "source" ? source : destination).registry);
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
