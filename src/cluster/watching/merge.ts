/** Something that runs until its signal fires. */
export type Stream<T> = (signal: AbortSignal) => AsyncIterable<T>;

/** The streams to run from now on, by key, and an item that reports the change. */
export interface Change<T> {
  readonly streams: ReadonlyMap<string, Stream<T>>;
  readonly say?: T;
}

/**
 * Merges several streams. At most one item of each waits, and a stream continues only after its item was handled. Ends when all
 * have ended or the signal fires. An error in one ends them all.
 */
export function merge<T>(streams: readonly Stream<T>[], signal: AbortSignal): AsyncGenerator<T> {
  const all = new Map(streams.map((stream, index) => [String(index), stream]));
  return mergeChanging(async function* () {
    yield { streams: all };
  }, signal);
}

/** The same for a changing set of streams: those no longer wanted are ended, new ones are started. */
export async function* mergeChanging<T>(changes: Stream<Change<T>>, signal: AbortSignal): AsyncGenerator<T> {
  const waiting: { readonly item: T; readonly done: () => void }[] = [];
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const running = new Map<string, AbortController>();
  const pumps = new Set<Promise<void>>();
  let changed = Promise.withResolvers<void>();
  let failure: { readonly error: unknown } | undefined;

  function deliver(item: T): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ item, done: resolve });
    changed.resolve();
    return promise;
  }

  function pump(work: () => Promise<void>): void {
    const pumping = work().catch((error: unknown) => {
      failure ??= { error };
    });
    pumps.add(pumping);
    void pumping.finally(() => {
      pumps.delete(pumping);
      changed.resolve();
    });
  }

  async function run(stream: Stream<T>, its: AbortSignal): Promise<void> {
    for await (const item of stream(its)) {
      if (its.aborted) break;
      await deliver(item);
    }
  }

  async function follow(): Promise<void> {
    for await (const { streams, say } of changes(all)) {
      for (const [key, its] of running) if (!streams.has(key)) its.abort();
      for (const key of [...running.keys()]) if (!streams.has(key)) running.delete(key);
      if (say !== undefined) await deliver(say);
      for (const [key, stream] of streams) begin(key, stream);
    }
  }

  function begin(key: string, stream: Stream<T>): void {
    if (running.has(key) || all.aborted) return;
    const its = new AbortController();
    running.set(key, its);
    pump(() => run(stream, AbortSignal.any([all, its.signal])));
  }

  pump(follow);
  try {
    while (!signal.aborted && (pumps.size > 0 || waiting.length > 0)) {
      if (failure) throw failure.error;
      const next = waiting.shift();
      if (next) {
        try {
          yield next.item;
        } finally {
          next.done();
        }
        continue;
      }
      await changed.promise;
      changed = Promise.withResolvers<void>();
    }
    if (failure) throw failure.error;
  } finally {
    stop.abort();
    for (const { done } of waiting) done();
    await Promise.all(pumps);
  }
}
