/** Milliseconds over which a source is judged, and the bytes that it sends in them if it is not silent. */
const hungerTime = 1_000;
const leastBytes = 64 * 1024;

/** The same bytes. It says when the source becomes as good as silent, and when it no longer is. Only the time spent waiting for the source counts. */
export async function* withHunger(bytes: AsyncIterable<Buffer>, tell: (isHungry: boolean) => void): AsyncGenerator<Buffer> {
  const source = bytes[Symbol.asyncIterator]();
  let [waited, length, isHungry] = [0, 0, false];
  const judge = (hungry: boolean) => {
    if (hungry !== isHungry) tell(hungry);
    isHungry = hungry;
  };
  try {
    for (;;) {
      const since = performance.now();
      const timer = setTimeout(judge, hungerTime - waited, true);
      const { value, done } = await source.next().finally(() => clearTimeout(timer));
      if (done) return;
      waited += performance.now() - since;
      length += value.length;
      if (waited >= hungerTime || length >= leastBytes) {
        judge(length < leastBytes);
        [waited, length] = [0, 0];
      }
      yield value;
    }
  } finally {
    await source.return?.();
  }
}
