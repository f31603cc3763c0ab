import type { Clock } from "../core/clock.ts";

/** Collects what comes in and hands it on together, so many milliseconds after the first of it came. */
export interface Batches<Item> {
  add(item: Item): void;
  /** Hands on at once what was collected. */
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
