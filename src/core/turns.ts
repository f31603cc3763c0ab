/** Work under one key happens one after another, in the order it came. */
export interface Turns {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    run(key, work) {
      const mine = (last.get(key) ?? Promise.resolve()).then(work, work);
      const forget = () => {
        if (last.get(key) === mine) last.delete(key);
      };
      last.set(key, mine);
      mine.then(forget, forget);
      return mine;
    },
  };
}
