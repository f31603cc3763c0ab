/** Remembers ids for a while. */
export interface SeenIds {
  has(id: string, now: number): boolean;
  add(id: string, now: number): void;
}

/** Remembers each id for this time, but at most the last `most` ids. */
export function createSeenIds(milliseconds: number, most: number): SeenIds {
  const times = new Map<string, number>();
  return {
    has(id, now) {
      const time = times.get(id);
      return time !== undefined && now - time < milliseconds;
    },
    add(id, now) {
      times.delete(id);
      times.set(id, now);
      for (const [old, time] of times) {
        if (times.size <= most && now - time < milliseconds) return;
        times.delete(old);
      }
    },
  };
}
