import { type FailureReason, JobError } from "../../core/jobs/errors.ts";
import { parseRetryAfter } from "../../core/jobs/retry.ts";
import { forPeople } from "../../core/outside-text.ts";
import { redact } from "../../core/redact.ts";
import type { Service } from "../service.ts";

/** The parts of an HTTP answer that decide what happens next. `body` is text of limited length. */
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
  readonly status: number;

  constructor(
    reason: FailureReason,
    message: string,
    options: { readonly retryAfter?: number | undefined; readonly isDoubtful: boolean; readonly status: number },
  ) {
    super(reason, message, { retryAfter: options.retryAfter });
    this.isDoubtful = options.isDoubtful;
    this.status = options.status;
  }
}

const shownCharacters = 500;
/** Characters of an error answer that is searched for words. */
const longestError = 256 * 1024;

/**
 * The error for an answer; undefined for a 2xx. A refusal of this submission is final. A problem of the whole service pauses its jobs. A plain
 * 5xx can be caused by this submission, which is then retried alone. Secrets are not repeated.
 */
export function answerError(
  answer: Answer,
  service: Service,
  now: number,
  secrets: readonly string[] = [],
): JobError | undefined {
  const { status, body } = answer;
  if (status >= 200 && status < 300) return undefined;
  const retryAfter = parseRetryAfter(answer.retryAfter, now);
  const said = forPeople(redact(errorText(body, service.speaksText ?? false), secrets), shownCharacters);
  const reason = service.reasonOf?.(status, said) ?? reasonOf(status, service);
  // What is too large is so for a proxy as well.
  const isWordless = reason === "AnalyzerRejected" && said === "" && status !== 413;
  const isDoubtful = [404, 405, 501].includes(status) || isWordless;
  return new AnswerError(reason, `${service.name} ${wording(answer, reason, said, service)}`, { retryAfter, isDoubtful, status });
}

/** The error for a failed connection, by its Node or OpenSSL code. */
export function connectionError(code: string | undefined, endpoint: string, service: Service): JobError {
  const shown = code ?? "unknown error";
  const where = `${service.name} ${endpoint}`;
  if (code === "ERR_BAD_RESPONSE") return new JobError("AnalyzerProtocol", `${where} sent more than an answer can be.`);
  if (code === "ECONNABORTED" || code === "ETIMEDOUT") {
    return new JobError("AnalyzerFailed", `${where} did not answer in time.`);
  }
  if (code === "ECONNRESET" || code === "EPIPE")
    return new JobError("AnalyzerFailed", `${where} broke the connection (${shown}).`);
  return new JobError("AnalyzerUnavailable", `${where} cannot be reached (${shown}). ${advice(code, service)}`);
}

/** A 2xx that does not follow the API. */
export function protocolError(what: string, { name, api, addressSetting }: Service): JobError {
  return new JobError("AnalyzerProtocol", `The answer of ${lowered(name)} ${what}. Check that ${addressSetting} is ${api}.`);
}

/** The status of the answer behind an error; undefined without an answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof AnswerError ? error.status : undefined;
}

/** Whether an error can mean that something else than the API answers at this address. */
export function mayBeAnotherServer(error: unknown): boolean {
  if (error instanceof AnswerError) return error.isDoubtful;
  return error instanceof JobError && error.reason === "AnalyzerProtocol";
}

function reasonOf(status: number, { loginSetting }: Service): FailureReason {
  if (status < 400) return "AnalyzerUnavailable";
  if (status === 401 && loginSetting !== undefined) return "AnalyzerLogin";
  if (status === 401 || status === 407 || status === 429) return "AnalyzerUnavailable";
  if (status === 408 || status === 425) return "AnalyzerFailed";
  if (status < 500) return "AnalyzerRejected";
  return status >= 502 && status <= 504 ? "AnalyzerUnavailable" : "AnalyzerFailed";
}

function wording({ status, location }: Answer, reason: FailureReason, said: string, service: Service): string {
  const { addressSetting, loginSetting } = service;
  const words = said ? `: ${said}` : ".";
  if (status < 400) return `redirects (${status})${targetOf(location)}: set ${addressSetting} to where the API really is.`;
  if (reason === "AnalyzerLogin") return `refuses the login (${status}). Check ${loginSetting}${words}`;
  if ((status === 401 && loginSetting === undefined) || status === 407)
    return `asks for a login (${status}), which this API does not know: check ${addressSetting}.`;
  return `answered ${status}${words}`;
}

function lowered(name: string): string {
  return name.startsWith("The ") ? `t${name.slice(1)}` : name;
}

/** Only scheme and host: the rest of a redirect's target repeats the query, which may hold a password. */
function targetOf(location: string | undefined): string {
  if (!location || !URL.canParse(location)) return "";
  return ` to ${new URL(location).origin}`;
}

/**
 * The reason in a refusal; nothing else of it, because it can repeat the parameters, passwords included. Services say it as `error`,
 * as `message`, or as RFC 9457 does.
 */
function errorText(body: string, speaksText: boolean): string {
  // Megabytes of small values take seconds to walk through, and nobody writes an error like that.
  if (body.length > longestError) return "";
  try {
    return [...new Set(errorsIn(JSON.parse(body)))].join("; ");
  } catch {
    return speaksText && !body.trimStart().startsWith("<") ? body.trim() : "";
  }
}

const words = ["error", "message", "title", "detail", "errors"];
const deepest = 4;

function errorsIn(value: unknown, depth = 0): string[] {
  if (typeof value !== "object" || value === null || depth > deepest) return [];
  const own = words.flatMap((word) => textsOf((value as Record<string, unknown>)[word]));
  if (own.length > 0) return own;
  return Object.entries(value).flatMap(([key, part]) => (key === "parameters" ? [] : errorsIn(part, depth + 1)));
}

function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((text) => typeof text === "string" && text !== "");
}

function advice(code: string | undefined, { addressSetting, tlsSetting }: Service): string {
  if (code && /CERT|SELF_SIGNED|ISSUER|TLS|SSL/.test(code)) {
    const off = tlsSetting ? `, or set ${tlsSetting}=1` : "";
    return `Its certificate is not trusted: name its CA in NODE_EXTRA_CA_CERTS${off}.`;
  }
  if (code === "EPROTO") return `It does not speak TLS: give ${addressSetting} as http://… if you want that.`;
  return `Check ${addressSetting}, and the proxy and network policy between.`;
}
