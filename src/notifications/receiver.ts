import type { Clock } from "../core/clock.ts";
import { JobError } from "../core/jobs/errors.ts";
import { type Backoff, backoffDelay } from "../core/jobs/retry.ts";
import { refusedCode } from "../network/guarded-lookup.ts";
import { type AddressRules, isRefusedAddress, literalAddress } from "./addresses.ts";

/** One receiver and its state. */
export interface Receiver {
  readonly url: string;
  /** Whether it answered that it wants no more events. */
  isGone(): boolean;
  /** Throws a `JobError` while it gets a pause, or when it must not be called. */
  assertReady(): void;
  succeeded(): void;
  /** The error for an answer other than success. */
  failed(status: number, retryAfter: number | undefined): JobError;
  /** The error for a request without an answer, from its code or from what the proxy did. */
  unreachable(code: string | undefined, proxyFault?: string): JobError;
}

/** How long a failing receiver is not called: from seconds to minutes. */
const pauses: Backoff = { initial: 5_000, cap: 5 * 60_000 };

export function createReceiver(url: string, rules: AddressRules, clock: Clock, random: () => number): Receiver {
  // Only scheme and host of a URL are shown: the rest can hold a token.
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
        throw new JobError("NotificationFailed", `${name} failed before and is not asked again yet`, { retryAfter: wait });
    },
    succeeded() {
      failures = 0;
    },
    failed(status, retryAfter) {
      if (status === 410) {
        gone = true;
        return new JobError("NotificationRefused", `${name} answered 410 Gone: the bot sends it nothing until it restarts`);
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

/** It is retried, because the operator can allow it and restart the bot. */
function refusedAddress(name: string): JobError {
  const message = `${name} is link-local or the bot's own pod; BUILD_WATCHER_NOTIFY_ALLOW_LOCAL=1 allows it`;
  return new JobError("NotificationRefused", message, { retryable: true });
}
