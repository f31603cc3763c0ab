import { parseRetryAfter } from "../../core/jobs/retry.ts";
import { forPeople } from "../../core/outside-text.ts";

/** How a request failed. Broken: the answer broke off; Deaf: watches deliver nothing. */
export type ApiFault =
  | "BadData"
  | "Broken"
  | "Deaf"
  | "Expired"
  | "Forbidden"
  | "NotFound"
  | "NotServed"
  | "Refused"
  | "Silent"
  | "TooLargeVersion"
  | "Unauthorized"
  | "Unavailable"
  | "Unreachable";

export interface ApiErrorOptions {
  /** The HTTP status. */
  readonly status?: number | undefined;
  /** Milliseconds that the server asked the bot to wait. */
  readonly retryAfter?: number | undefined;
  /** For an expired list: the token that continues it. */
  readonly continueToken?: string | undefined;
  /** Whether the server served the same before, and has refused it only for moments: it may have just started. */
  readonly servedBefore?: boolean | undefined;
  readonly cause?: unknown;
}

/** A request to the API server that failed. It stays within this door. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly fault: ApiFault;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;
  readonly continueToken: string | undefined;
  readonly servedBefore: boolean;

  constructor(fault: ApiFault, message: string, options: ApiErrorOptions = {}) {
    super(forPeople(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.fault = fault;
    this.status = options.status;
    this.retryAfter = options.retryAfter;
    this.continueToken = options.continueToken;
    this.servedBefore = options.servedBefore ?? false;
  }
}

/** The used fields of the Status object (Kubernetes API conventions). */
interface Status {
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly metadata?: { readonly continue?: unknown };
  readonly details?: { readonly retryAfterSeconds?: unknown; readonly causes?: readonly { readonly reason?: unknown }[] | null };
}

/** Reads an error answer: a Status, or the text that a proxy sent instead. */
export function errorOfAnswer(status: number, retryAfter: string | undefined, body: string, now: number): ApiError {
  return errorOfStatus(parseStatus(body), { status, wait: parseRetryAfter(retryAfter, now), text: body });
}

/** Reads the Status that an ERROR event of a watch carries. What looks like an outage can also be a single object that the server cannot send. */
export function errorOfEvent(object: unknown): ApiError {
  const status = isRecord(object) ? (object as Status) : undefined;
  const error = errorOfStatus(status, {
    status: typeof status?.code === "number" ? status.code : 500,
    wait: undefined,
    text: "",
  });
  return error.fault === "Unavailable"
    ? new ApiError("Broken", error.message, { status: error.status, retryAfter: error.retryAfter })
    : error;
}

interface Answer {
  readonly status: number;
  readonly wait: number | undefined;
  readonly text: string;
}

function errorOfStatus(status: Status | undefined, answer: Answer): ApiError {
  const seconds = status?.details?.retryAfterSeconds;
  const token = status?.metadata?.continue;
  const message = typeof status?.message === "string" ? status.message : firstLine(answer.text);
  return new ApiError(faultOf(status, answer.status), message || `HTTP ${answer.status}`, {
    status: answer.status,
    retryAfter: answer.wait ?? (typeof seconds === "number" && seconds > 0 ? seconds * 1000 : undefined),
    continueToken: typeof token === "string" && token !== "" ? token : undefined,
  });
}

/** Servers up to Kubernetes 1.17 say Gone instead of Expired. An unknown path is answered in plain text, without a Status. */
function faultOf(status: Status | undefined, code: number): ApiFault {
  const causes = status?.details?.causes;
  if (Array.isArray(causes) && causes.some((cause) => cause?.reason === "ResourceVersionTooLarge")) return "TooLargeVersion";
  if (code === 410 || status?.reason === "Expired" || status?.reason === "Gone") return "Expired";
  if (code === 401) return "Unauthorized";
  if (code === 403) return "Forbidden";
  if (code === 404) return status ? "NotFound" : "NotServed";
  return code >= 400 && code < 500 && code !== 408 && code !== 429 ? "Refused" : "Unavailable";
}

function parseStatus(body: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return isRecord(parsed) && parsed.kind === "Status" ? (parsed as Status) : undefined;
  } catch {
    return undefined;
  }
}

function firstLine(text: string): string {
  const [line = ""] = text.trim().split("\n");
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
