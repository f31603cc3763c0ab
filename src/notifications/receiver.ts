import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/errors.ts";
import { type Backoff, backoffDelay } from "../core/retry.ts";
import { refusedCode } from "../network/guarded-lookup.ts";
import { type AddressRules, isRefusedAddress, literalAddress } from "./addresses.ts";

/** One receiver, and how it has been doing. */
export interface Receiver {
  readonly url: string;
  /** Whether it asked for no more. */
  isGone(): boolean;
  /** Throws a `JobError` while it is left in peace, or when it may not be called. */
  assertReady(): void;
  succeeded(): void;
  /** The error for an answer that is no success. */
  failed(status: number, retryAfter: number | undefined): JobError;
  /** The error for a request without an answer, by its code, or by what the proxy on the way did. */
  unreachable(code: string | undefined, proxyFault?: string): JobError;
}

/** How long a receiver that fails is left in peace: from seconds to minutes. */
const pauses: Backoff = { initial: 5_000, cap: 5 * 60_000 };

export function createReceiver(url: string, rules: AddressRules, clock: Clock, random: () => number): Receiver {
  // Scheme and host are what may be shown of a URL: the rest can hold a token.
  const name = new URL(url).origin;
  let gone = false;
  let failures = 0;
  let pausedUntil = 0;

  /** Several requests that fail together are one failure. */
  function paused(what: string, retryAfter = 0): JobError {
    const now = clock.now();
    if (pausedUntil <= now) failures += 1;
    pausedUntil = Math.max(pausedUntil, now + Math.max(backoffDelay(failures, pauses, random()), retryAfter));
    return new JobError("NotificationFailed", `${name} ${what}`, { retryAfter: pausedUntil - now });
  }

  return {
    url,
    isGone: () => gone,
    assertReady() {
      const address = literalAddress(url);
      if (address !== undefined && isRefusedAddress(address, rules)) throw refusedAddress(name);
      const wait = pausedUntil - clock.now();
      if (wait > 0)
        throw new JobError("NotificationFailed", `${name} failed before and is left in peace for now`, { retryAfter: wait });
    },
    succeeded() {
      failures = 0;
    },
    failed(status, retryAfter) {
      if (status === 410) {
        gone = true;
        return new JobError("NotificationRefused", `${name} answered 410 Gone: it gets nothing more until the bot restarts`);
      }
      return paused(
        status >= 300 && status < 400 ? `redirects (${status}), which is not followed` : `answered ${status}`,
        retryAfter,
      );
    },
    unreachable(code = "unknown error", proxyFault) {
      if (proxyFault !== undefined) return paused(`cannot be reached: ${proxyFault}`);
      if (code === refusedCode) return refusedAddress(name);
      return paused(code === "ETIMEDOUT" ? "did not answer in time" : `cannot be reached (${code})`);
    },
  };
}

/** Tried again all the same: the operator may allow it, and restart the bot. */
function refusedAddress(name: string): JobError {
  const message = `${name} is link-local or the bot's own pod; BUILD_WATCHER_NOTIFY_ALLOW_LOCAL=1 allows it`;
  return new JobError("NotificationRefused", message, { retryable: true });
}
