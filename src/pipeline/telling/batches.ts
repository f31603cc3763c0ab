import type { Clock } from "../../core/clock.ts";

/** Collects items and passes them on together, this many milliseconds after the first one. */
export interface Batches<Item> {
  add(item: Item): void;
  /** Passes the collected items on at once. */
  flush(): void;
}

export function createBatches<Item>(delay: number, clock: Clock, handOn: (items: readonly Item[]) => void): Batches<Item> {
  let items: Item[] = [];
  let cancel: () => void = () => undefined;

  function flush(): void {
    cancel();
    const collected = items;
    items = [];
    if (collected.length > 0) handOn(collected);
  }

  return {
    flush,
    add(item) {
      if (items.push(item) === 1) cancel = clock.schedule(delay, flush);
    },
  };
}
