import type { Clock } from "../../core/clock.ts";

/** The other side was silent for too long. */
export class SilenceError extends Error {
  override readonly name = "SilenceError";
}

/** Watches over one request: its signal fires with the caller's own, or with a `SilenceError` when an awaited answer does not come. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Waits for a step of the request, at most this many milliseconds. Rejects with the signal's reason when it fires. */
  expect<T>(step: Promise<T>, milliseconds: number): Promise<T>;
  /** Ends the request if it still runs, and detaches from the caller's signal. */
  end(): void;
}

export function createDeadline(clock: Clock, caller: AbortSignal): Deadline {
  const controller = new AbortController();
  const { signal } = controller;
  const follow = () => controller.abort(caller.reason);
  if (caller.aborted) follow();
  else caller.addEventListener("abort", follow, { once: true });

  return {
    signal,
    async expect(step, milliseconds) {
      step.catch(() => {});
      const seconds = Math.round(milliseconds / 1000);
      const cancel = clock.schedule(milliseconds, () => controller.abort(new SilenceError(`silent for ${seconds} s`)));
      const fired = Promise.withResolvers<never>();
      const reject = () => fired.reject(signal.reason);
      signal.addEventListener("abort", reject, { once: true });
      try {
        if (signal.aborted) throw signal.reason;
        return await Promise.race([step, fired.promise]);
      } finally {
        cancel();
        signal.removeEventListener("abort", reject);
      }
    },
    end() {
      caller.removeEventListener("abort", follow);
      controller.abort();
    },
  };
}

/** Waits for one step, at most this many milliseconds. */
export async function withDeadline<T>(
  clock: Clock,
  caller: AbortSignal,
  milliseconds: number,
  begin: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = createDeadline(clock, caller);
  return deadline.expect(begin(deadline.signal), milliseconds).finally(deadline.end);
}
