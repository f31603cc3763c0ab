export interface Backoff {
  /** Milliseconds before the second attempt. */
  readonly initial: number;
  /** The longest delay in milliseconds, jitter included. */
  readonly cap: number;
}

/** The delays of a failed job: from seconds to a quarter of an hour. */
export const jobBackoff: Backoff = { initial: 2_000, cap: 15 * 60_000 };

/** A longer `Retry-After` is cut to this: a wrong clock on the other side must not stop the bot for days. */
export const longestRetryAfter = 60 * 60_000;

/**
 * Milliseconds to wait after the given number of failed attempts (1 = the first one failed): doubling, capped, with the upper half jittered.
 * `random` is in [0, 1).
 */
export function backoffDelay(failures: number, backoff: Backoff, random: number): number {
  const exponent = Math.min(Math.max(failures, 1) - 1, 30);
  const ceiling = Math.min(backoff.cap, backoff.initial * 2 ** exponent);
  return Math.round(ceiling * (0.5 + random / 2));
}

/** Milliseconds a `Retry-After` header asks for: seconds or an HTTP date (RFC 9110, 10.2.3); undefined when it cannot be read. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(wait)) return undefined;
  return Math.min(Math.max(wait, 0), longestRetryAfter);
}
