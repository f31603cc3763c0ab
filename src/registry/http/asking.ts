import type { Clock } from "../../core/clock.ts";
import { createFewRecent } from "../../core/few-recent.ts";
import { failureAt, JobError } from "../../core/jobs/errors.ts";
import { RegistryVerdict } from "../trust/verdict.ts";
import { asJobFailure, type Exchange, type HeadAnswer, type HttpInit, NoAnswer, type TlsTrust } from "./exchange.ts";
import { AnswerFailure } from "./http-failures.ts";
import { urlOf } from "./registry-url.ts";

/** A registry, and which certificates are trusted. */
export interface RegistryHost extends TlsTrust {
  readonly registry: string;
}

/** Asks a registry below `/v2/`. */
export type Ask = (host: RegistryHost, path: string, init: HttpInit, signal: AbortSignal) => Promise<HeadAnswer>;

/** Milliseconds from a request's first byte to the last one of its answer, its challenges and redirects included. */
const deadline = 60_000;
/** Milliseconds to try HTTPS where it is not certain that the registry speaks it. */
const schemeDeadline = 10_000;
/** How many registries are remembered. Whoever builds an image can name another one. */
export const mostHosts = 1_000;

/**
 * Asks by HTTPS. If certificates are not verified and HTTPS fails, it asks by HTTP, as skopeo does. The first request has no login, so nothing secret
 * is sent before that is known. A registry that has spoken HTTPS is never asked by HTTP.
 */
export function createAsk(exchange: Exchange, clock: Clock): Ask {
  const schemes = createFewRecent<"https" | "http">(mostHosts);

  return async (host, path, { method, headers, ...rest }, signal) => {
    const { registry, verifyTls } = host;
    const init = { ...rest, method, headers: { "User-Agent": "build-watcher", ...headers } };
    const send = (scheme: "https" | "http", its: AbortSignal) =>
      exchange.send(urlOf(registry, scheme, path), init, host, false, its);
    const known = verifyTls ? "https" : schemes.get(registry);
    if (known) return send(known, signal);
    const tooLong = new AbortController();
    const cancel = clock.schedule(schemeDeadline, () => tooLong.abort(new NoAnswer(undefined, registry, undefined)));
    try {
      const answer = await send("https", AbortSignal.any([signal, tooLong.signal])).finally(cancel);
      schemes.set(registry, "https");
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NoAnswer)) throw error;
    }
    const answer = await send("http", signal);
    schemes.set(registry, "http");
    return answer;
  };
}

/**
 * Runs an exchange with one deadline, and throws a `JobError` if there is no answer. `lift` removes the deadline, for a body of any length.
 */
export async function withDeadline<T>(
  clock: Clock,
  { what, registry }: { readonly what: string; readonly registry: string },
  signal: AbortSignal,
  act: (bounded: AbortSignal, lift: () => void) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const cancel = clock.schedule(deadline, () => late.abort());
  try {
    return await act(AbortSignal.any([signal, late.signal]), cancel);
  } catch (error) {
    signal.throwIfAborted();
    if (late.signal.aborted)
      throw new JobError("RegistryUnavailable", `${what}: no complete answer within ${deadline / 1000} s`, { host: registry });
    const failure = asJobFailure(error, what);
    throw failure instanceof RegistryVerdict || failure instanceof AnswerFailure ? failure : failureAt(failure, registry);
  } finally {
    cancel();
  }
}
