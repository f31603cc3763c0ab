import type { StoreHooks } from "../dispatching/store.ts";
import type { JobRecord } from "../job-queue.ts";
import { type JobRow, toRecord } from "../rows.ts";

/** The database's answer to a sign of life. */
export interface Heard {
  /** Jobs that wait again because their replica ended. */
  readonly released: readonly (JobRow & { readonly queue: string })[];
  /** Claims that are no longer ours. */
  readonly lost: readonly string[];
  readonly duties: readonly string[];
  /** Queues with jobs that are due. */
  readonly due: readonly string[];
  /** Whether other replicas live. */
  readonly others: boolean;
}

interface Wish {
  readonly given: () => void;
  readonly taken: () => void;
  isOurs: boolean;
}

function setOurs(wish: Wish, isOurs: boolean): void {
  if (wish.isOurs === isOurs) return;
  wish.isOurs = isOurs;
  if (isOurs) wish.given();
  else wish.taken();
}

/** What a replica holds, and whom it tells when that changes. */
export function createHoldings() {
  const queues = new Map<string, StoreHooks>();
  const untold = new Map<string, JobRecord[]>();
  const held = new Map<string, { readonly queue: string; isSettling: boolean }>();
  const wishes = new Map<string, Wish>();
  const watchers = new Set<() => void>();
  let hadOthers = false;

  function tellLost(tokens: readonly string[]): void {
    const lost = tokens.filter((token) => held.get(token)?.isSettling === false);
    const byQueue = Map.groupBy(lost, (token) => held.get(token)?.queue ?? "");
    for (const token of lost) held.delete(token);
    for (const [queue, ofQueue] of byQueue) queues.get(queue)?.lost(ofQueue);
  }

  function tellReleased(queue: string): void {
    const records = untold.get(queue);
    const hooks = queues.get(queue);
    if (!records || !hooks) return;
    untold.delete(queue);
    hooks.released(records);
    hooks.changed();
  }

  function tellDue(due: readonly string[]): void {
    for (const queue of due) queues.get(queue)?.changed();
  }

  return {
    join(queue: string, hooks: StoreHooks): void {
      queues.set(queue, hooks);
      tellReleased(queue);
    },
    leave: (queue: string): void => void queues.delete(queue),
    hold: (queue: string, token: string): void => void held.set(token, { queue, isSettling: false }),
    settle(token: string): void {
      const claim = held.get(token);
      if (claim) claim.isSettling = true;
    },
    drop: (token: string): void => void held.delete(token),
    want: (duty: string, given: () => void, taken: () => void): void => void wishes.set(duty, { given, taken, isOurs: false }),
    forget: (duty: string): void => void wishes.delete(duty),
    watch(lost: () => void): () => void {
      watchers.add(lost);
      return () => watchers.delete(lost);
    },
    all: () => ({ held: [...held.keys()], wanted: [...wishes.keys()] }),
    /** Others may soon think that we are dead, so nothing is surely ours. */
    distrust(): void {
      tellLost([...held.keys()]);
      for (const wish of wishes.values()) setOurs(wish, false);
      for (const lost of watchers) lost();
    },
    hear({ released, lost, duties, due, others }: Heard): void {
      tellLost(lost);
      for (const [duty, wish] of wishes) setOurs(wish, duties.includes(duty));
      for (const row of released) untold.set(row.queue, [...(untold.get(row.queue) ?? []), toRecord(row)]);
      for (const queue of queues.keys()) tellReleased(queue);
      tellDue(due);
      if (others || hadOthers) for (const { othersWorked } of queues.values()) othersWorked();
      hadOthers = others;
    },
    tellDue,
    fail(error: unknown): void {
      for (const { failed } of queues.values()) failed(error);
    },
  };
}
