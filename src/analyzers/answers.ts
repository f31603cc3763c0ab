import { type FailureReason, JobError } from "../core/errors.ts";
import { redact } from "../core/redact.ts";
import { parseRetryAfter } from "../core/retry.ts";

/** An HTTP answer as far as it decides what happens next; `body` is text, already bounded. */
export interface Answer {
  readonly status: number;
  readonly retryAfter?: string;
  readonly location?: string;
  readonly body: string;
}

/** What an endpoint answered that did not accept. */
class AnswerError extends JobError {
  /** Whether something else than the API may have answered: it says no word of an error, as a proxy's page, or knows no such path. */
  readonly isDoubtful: boolean;

  constructor(
    reason: FailureReason,
    message: string,
    options: { readonly retryAfter?: number | undefined; isDoubtful: boolean },
  ) {
    super(reason, message, { retryAfter: options.retryAfter });
    this.isDoubtful = options.isDoubtful;
  }
}

const shownCharacters = 500;

/**
 * The error an answer stands for, undefined for a 2xx. Final is what the service refuses for this submission's own sake; what lies with the
 * endpoint as a whole pauses the queue; a plain 5xx may be this submission's fault and is tried again alone. Secrets are not repeated.
 */
export function answerError(answer: Answer, now: number, secrets: readonly string[] = []): JobError | undefined {
  const { status, body } = answer;
  if (status >= 200 && status < 300) return undefined;
  const retryAfter = parseRetryAfter(answer.retryAfter, now);
  const reason = reasonOf(status);
  const said = redact(errorText(body), secrets).slice(0, shownCharacters);
  const isDoubtful = [404, 405, 501].includes(status) || (reason === "AnalyzerRejected" && said === "");
  return new AnswerError(reason, `The analysis endpoint ${wording(answer, said)}`, { retryAfter, isDoubtful });
}

/** The error a failed connection stands for, by its Node or OpenSSL code. */
export function connectionError(code: string | undefined, endpoint: string): JobError {
  const shown = code ?? "unknown error";
  if (code === "ERR_BAD_RESPONSE")
    return new JobError("AnalyzerProtocol", `The analysis endpoint ${endpoint} sent more than an answer can be.`);
  if (code === "ECONNABORTED" || code === "ETIMEDOUT") {
    return new JobError("AnalyzerFailed", `The analysis endpoint ${endpoint} did not answer in time.`);
  }
  if (code === "ECONNRESET" || code === "EPIPE") {
    return new JobError("AnalyzerFailed", `The analysis endpoint ${endpoint} broke the connection (${shown}).`);
  }
  return new JobError("AnalyzerUnavailable", `The analysis endpoint ${endpoint} cannot be reached (${shown}). ${advice(code)}`);
}

/** A 2xx that does not say what the contract says it would. */
export function protocolError(what: string): JobError {
  return new JobError(
    "AnalyzerProtocol",
    `The analysis endpoint's answer ${what}. Check that THOTH_USER_API_HOST is Thoth's User API.`,
  );
}

/** Whether an error can mean that something else than the API answers at this address. */
export function mayBeAnotherServer(error: unknown): boolean {
  if (error instanceof AnswerError) return error.isDoubtful;
  return error instanceof JobError && error.reason === "AnalyzerProtocol";
}

function reasonOf(status: number): FailureReason {
  if (status < 400) return "AnalyzerUnavailable";
  if (status === 401 || status === 407 || status === 429) return "AnalyzerUnavailable";
  if (status === 408 || status === 425) return "AnalyzerFailed";
  if (status < 500) return "AnalyzerRejected";
  return status >= 502 && status <= 504 ? "AnalyzerUnavailable" : "AnalyzerFailed";
}

function wording({ status, location }: Answer, said: string): string {
  if (status < 400) return `redirects (${status})${targetOf(location)}: set THOTH_USER_API_HOST to where the API really is.`;
  if (status === 401 || status === 407)
    return `asks for a login (${status}), which this API does not know: check THOTH_USER_API_HOST.`;
  return `answered ${status}${said ? `: ${said}` : "."}`;
}

/** Only scheme and host: the rest of a redirect's target repeats the query, which may hold a password. */
function targetOf(location: string | undefined): string {
  if (!location || !URL.canParse(location)) return "";
  return ` to ${new URL(location).origin}`;
}

/** The `error` texts of a JSON body, alone or one a part; nothing else of it, since it echoes the parameters, passwords included. */
function errorText(body: string): string {
  try {
    return errorsIn(JSON.parse(body)).join("; ");
  } catch {
    return "";
  }
}

function errorsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if ("error" in value && typeof value.error === "string") return [value.error];
  return Object.entries(value).flatMap(([key, part]) => (key === "parameters" ? [] : errorsIn(part)));
}

function advice(code: string | undefined): string {
  if (code && /CERT|SELF_SIGNED|ISSUER|TLS|SSL/.test(code)) {
    return "Its certificate is not trusted: name its CA in NODE_EXTRA_CA_CERTS, or set THOTH_NO_TLS_VERIFY=1.";
  }
  if (code === "EPROTO") return "It does not speak TLS: give THOTH_USER_API_HOST as http://… if that is meant.";
  return "Check THOTH_USER_API_HOST, and the proxy and network policy between.";
}
