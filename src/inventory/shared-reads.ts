/** Does work once when several callers want it at the same time. */
export interface SharedReads<T> {
  /** Waits for the work with this key, and starts it if needed. It is stopped when nobody waits for it any more. */
  join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

interface Shared<T> {
  readonly result: Promise<T>;
  readonly control: AbortController;
  waiting: number;
}

export function createSharedReads<T>(): SharedReads<T> {
  const running = new Map<string, Shared<T>>();

  return {
    async join(key, signal, work) {
      for (;;) {
        signal.throwIfAborted();
        const known = running.get(key);
        try {
          return await wait(key, known ?? begin(key, work), signal);
        } catch (error) {
          // It may have failed because of another caller's login or registry.
          if (!known || signal.aborted) throw error;
        }
      }
    },
  };

  async function wait(key: string, shared: Shared<T>, signal: AbortSignal): Promise<T> {
    shared.waiting++;
    const gone = Promise.withResolvers<never>();
    const leave = () => gone.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([shared.result, gone.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (--shared.waiting === 0) {
        if (running.get(key) === shared) running.delete(key);
        shared.control.abort(new DOMException("nobody waits for it any more", "AbortError"));
      }
    }
  }

  function begin(key: string, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const control = new AbortController();
    const result = work(control.signal).finally(() => {
      if (running.get(key)?.control === control) running.delete(key);
    });
    result.catch(() => undefined);
    const shared = { result, control, waiting: 0 };
    running.set(key, shared);
    return shared;
  }
}
