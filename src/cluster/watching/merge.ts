/**
 * Puts several streams into one. Of each at most one item waits, and a stream goes on only after its item was dealt with. Ends when all
 * have ended or the signal fires; an error of one ends them all.
 */
export async function* merge<T>(
  sources: readonly ((signal: AbortSignal) => AsyncIterable<T>)[],
  signal: AbortSignal,
): AsyncGenerator<T> {
  const waiting: { readonly item: T; readonly done: () => void }[] = [];
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  let changed = Promise.withResolvers<void>();
  let running = sources.length;
  let failure: { readonly error: unknown } | undefined;

  async function pump(source: (signal: AbortSignal) => AsyncIterable<T>): Promise<void> {
    try {
      for await (const item of source(all)) {
        if (all.aborted) break;
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.push({ item, done: resolve });
        changed.resolve();
        await promise;
      }
    } catch (error) {
      failure ??= { error };
    }
    running -= 1;
    changed.resolve();
  }

  const pumps = sources.map(pump);
  try {
    while (!signal.aborted && (running > 0 || waiting.length > 0)) {
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
