import { endedOrAborted } from "./layer-schedule.ts";

interface Entry<T> {
  readonly work: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/** Work that several want at once and that is done once. */
export interface SharedWork<T> {
  /**
   * The result of the work under this key, begun if nobody else did; `shared` says which. Throws the signal's reason when it fires: the last
   * one to leave interrupts the work and waits for its end.
   */
  run(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<{ result: T; shared: boolean }>;
}

export function createSharedWork<T>(): SharedWork<T> {
  const entries = new Map<string, Entry<T>>();

  return {
    async run(key, signal, work) {
      signal.throwIfAborted();
      const known = entries.get(key);
      const entry = known ?? begin(key, work);
      entry.waiting++;
      try {
        return { result: await endedOrAborted(entry.work, signal), shared: known !== undefined };
      } finally {
        await leave(key, entry, signal);
      }
    },
  };

  function begin(key: string, work: (signal: AbortSignal) => Promise<T>): Entry<T> {
    const controller = new AbortController();
    const entry = { work: work(controller.signal), controller, waiting: 0 };
    entries.set(key, entry);
    const forget = () => {
      if (entries.get(key) === entry) entries.delete(key);
    };
    entry.work.then(forget, forget);
    return entry;
  }

  async function leave(key: string, entry: Entry<T>, signal: AbortSignal): Promise<void> {
    entry.waiting--;
    if (entry.waiting > 0 || !signal.aborted) return;
    // Nobody may join work that is being interrupted.
    if (entries.get(key) === entry) entries.delete(key);
    entry.controller.abort(signal.reason);
    await entry.work.catch(() => {});
  }
}
