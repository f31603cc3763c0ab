/** A text that is put aside. Texts with the same key have different names. */
export interface ShelfEntry {
  readonly key: string;
  readonly name: string;
  readonly text: string;
}

/** Texts put aside until something else is known, beyond restarts and for every bot with the same queue. */
export interface Shelf {
  /** Durable once this resolves. An entry of the same key and name is replaced. */
  put(entries: readonly ShelfEntry[]): Promise<void>;
  /** Every key that has an entry. */
  keys(): Promise<readonly string[]>;
  of(keys: readonly string[]): Promise<readonly ShelfEntry[]>;
  remove(keys: readonly string[]): Promise<void>;
}

/** A shelf that lasts as long as the process. */
export function createShelf(): Shelf {
  const shelves = new Map<string, Map<string, ShelfEntry>>();
  return {
    async put(entries) {
      for (const entry of entries) {
        const those = shelves.get(entry.key) ?? new Map<string, ShelfEntry>();
        shelves.set(entry.key, those.set(entry.name, entry));
      }
    },
    keys: async () => [...shelves.keys()],
    of: async (keys) => keys.flatMap((key) => [...(shelves.get(key)?.values() ?? [])]),
    async remove(keys) {
      for (const key of keys) shelves.delete(key);
    },
  };
}
