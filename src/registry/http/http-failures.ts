import { type FailureReason, JobError } from "../../core/jobs/errors.ts";
import { parseRetryAfter } from "../../core/jobs/retry.ts";
import { forPeople } from "../../core/outside-text.ts";
import { redact } from "../../core/redact.ts";
import { proxyFailure } from "../../network/agents.ts";
import { refusedCode } from "../../network/guarded-lookup.ts";
import { refusedHost } from "../trust/host-trust.ts";

const untrusted = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/;

/** An answer other than success, with its HTTP status. */
export class AnswerFailure extends JobError {
  readonly status: number;

  constructor(status: number, ...args: ConstructorParameters<typeof JobError>) {
    super(...args);
    this.status = status;
  }
}

/** What the answer of a registry, or of its token service, means if it is not a success. `now` is in milliseconds since the epoch. */
export function answerFailure(
  answer: { status: number; body: Buffer; header(name: string): string | undefined },
  what: string,
  host: string,
  now: number,
): AnswerFailure {
  const { status, body } = answer;
  const message = `${what}: the registry answered ${status}${registryMessage(body)}`;
  const wait = waitOf(answer.header("retry-after"), now);
  return new AnswerFailure(status, reasonOf(status, wait.retryAfter !== undefined), message, { host, ...wait });
}

/** Some registries answer 403 when they want fewer requests, and only `Retry-After` tells that from a denial. */
function reasonOf(status: number, saysWhen: boolean): FailureReason {
  if (saysWhen && status < 500) return "RateLimited";
  if (status === 401 || status === 403) return "RegistryDenied";
  if (status === 404) return "ImageNotFound";
  if (status === 429) return "RateLimited";
  return status >= 500 ? "RegistryUnavailable" : "CopyFailed";
}

/** What a missing answer means. */
export function connectionFailure(
  error: NodeJS.ErrnoException,
  what: string,
  { host, via }: { readonly host: string; readonly via: string | undefined },
): JobError {
  const code = error.code ?? "no answer";
  if (code === refusedCode) return refusedHost(host);
  const fault = proxyFailure(error, via);
  if (fault !== undefined) return new JobError("ProxyRefused", `${what}: ${fault}`);
  const untrustedCertificate = untrusted.test(code);
  if (untrustedCertificate) return new JobError("RegistryUntrusted", `${what}: its certificate is not trusted (${code})`);
  if (isWrongProtocol(error)) return new JobError("RegistryUntrusted", `${what}: it speaks plain HTTP where HTTPS is asked for`);
  return new JobError("RegistryUnavailable", `${what}: ${code}${via === undefined ? "" : `, through the proxy ${via}`}`);
}

/** Whether the other side does not speak TLS. */
function isWrongProtocol(error: NodeJS.ErrnoException): boolean {
  return error.code === "EPROTO" || /wrong version number|packet length too long|HTTP_REQUEST/i.test(error.message);
}

function waitOf(header: string | undefined, now: number): { retryAfter?: number } {
  const retryAfter = parseRetryAfter(header, now);
  return retryAfter === undefined ? {} : { retryAfter };
}

/** The code and the words of a registry's own error (distribution's API: `{"errors":[{code, message}]}`), kept short. Other bodies are not shown. */
function registryMessage(body: Buffer): string {
  try {
    const { errors } = JSON.parse(body.toString("utf8")) as { errors?: { code?: unknown; message?: unknown }[] };
    const [first] = errors ?? [];
    const words = [first?.code, first?.message]
      .filter((part) => typeof part === "string")
      .join(" ")
      .trim();
    // A secret that is cut would no longer be recognised.
    return words ? ` (${forPeople(redact(words, []), 200)})` : "";
  } catch {
    return "";
  }
}
