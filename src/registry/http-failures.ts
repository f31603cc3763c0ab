import type { AxiosError } from "axios";
import { JobError } from "../core/errors.ts";
import { forPeople } from "../core/outside-text.ts";
import { redact } from "../core/redact.ts";
import { parseRetryAfter } from "../core/retry.ts";

const untrusted = /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/;

/** What a registry's answer means when it is no success. `now` is in milliseconds since the epoch. */
export function answerFailure(
  answer: { status: number; body: Buffer; retryAfter?: string | undefined },
  what: string,
  now: number,
) {
  const message = `${what}: the registry answered ${answer.status}${registryMessage(answer.body)}`;
  switch (answer.status) {
    case 401:
    case 403:
      return new JobError("RegistryDenied", message);
    case 404:
      return new JobError("ImageNotFound", message);
    case 429:
      return new JobError("RateLimited", message, waitOf(answer.retryAfter, now));
    default:
      return new JobError(answer.status >= 500 ? "RegistryUnavailable" : "CopyFailed", message, waitOf(answer.retryAfter, now));
  }
}

/** What it means that there was no answer. */
export function connectionFailure(error: AxiosError, what: string): JobError {
  const code = error.code ?? "no answer";
  const untrustedCertificate = untrusted.test(code);
  if (untrustedCertificate) return new JobError("RegistryUntrusted", `${what}: its certificate is not trusted (${code})`);
  if (isWrongProtocol(error)) return new JobError("RegistryUntrusted", `${what}: it speaks plain HTTP where HTTPS is asked for`);
  if (code === "ERR_BAD_RESPONSE") return new JobError("CopyFailed", `${what}: the answer cannot be used`);
  return new JobError("RegistryUnavailable", `${what}: ${code === "ECONNABORTED" ? "no answer in time" : code}`);
}

/** Whether a TLS handshake met something that speaks no TLS. */
export function isWrongProtocol(error: AxiosError): boolean {
  return error.code === "EPROTO" || /wrong version number|packet length too long|HTTP_REQUEST/i.test(error.message);
}

function waitOf(header: string | undefined, now: number): { retryAfter?: number } {
  const retryAfter = parseRetryAfter(header, now);
  return retryAfter === undefined ? {} : { retryAfter };
}

/** Bytes of an answer that are read for what they say of a failure. */
const longestAnswer = 64 * 1024;

/** The code and the words of a registry's own error (distribution's API: `{"errors":[{code, message}]}`), kept short; another body is not shown. */
function registryMessage(body: Buffer): string {
  if (body.length > longestAnswer) return "";
  try {
    const { errors } = JSON.parse(body.toString("utf8")) as { errors?: { code?: string; message?: string }[] };
    const [first] = errors ?? [];
    const words = `${first?.code ?? ""} ${first?.message ?? ""}`.trim();
    // What is cut off would no longer be known for a secret.
    return words ? ` (${forPeople(redact(words, []), 200)})` : "";
  } catch {
    return "";
  }
}
