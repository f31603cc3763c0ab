/** Keys in order, cheap to change and to read from the middle on: what a page of a list starts with. */
export interface KeyIndex {
  add(key: string): void;
  remove(key: string): void;
  /** The keys from `start` on that begin with `prefix`, in order, with further ones sorted in. */
  from(start: string, prefix: string, further: readonly string[]): Iterable<string>;
}

export function createKeyIndex(): KeyIndex {
  const sorted: string[] = [];

  /** The place of the first key that is not less. */
  function placeOf(key: string): number {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function* own(start: string, prefix: string): Iterable<string> {
    for (let place = placeOf(start); place < sorted.length; place += 1) {
      const key = sorted[place] ?? "";
      if (!key.startsWith(prefix)) return;
      yield key;
    }
  }

  return {
    add(key) {
      const place = placeOf(key);
      if (sorted[place] !== key) sorted.splice(place, 0, key);
    },
    remove(key) {
      const place = placeOf(key);
      if (sorted[place] === key) sorted.splice(place, 1);
    },
    *from(start, prefix, further) {
      const waiting = further.filter((key) => key >= start && key.startsWith(prefix)).sort((a, b) => (a < b ? 1 : -1));
      for (const key of own(start, prefix)) {
        for (let next = waiting.at(-1); next !== undefined && next < key; next = waiting.at(-1)) yield waiting.pop() ?? next;
        yield key;
      }
      yield* waiting.reverse();
    },
  };
}
