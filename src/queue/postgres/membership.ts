import { randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { DatabaseError } from "../../postgres/index.ts";
import type { StoreHooks } from "../dispatching/store.ts";
import type { Connection } from "./connection.ts";
import { createHoldings, type Heard } from "./holdings.ts";

export interface MembershipSettings {
  /** What people call this replica. */
  readonly name: string;
  readonly clock: Clock;
  /** The time for tests; null: the database's. */
  readonly now: () => number | null;
  /** In [0, 1). */
  readonly random: () => number;
}

/** This process as one of several replicas: it gives signs of life, and learns by them what became of others and of its own claims. */
export interface Membership {
  readonly id: string;
  /** Gives the first sign. */
  begin(): Promise<void>;
  /** Tells a queue from now on, and at once of jobs that were released before. */
  join(queue: string, hooks: StoreHooks): void;
  leave(queue: string): void;
  /** Whether others know that this process lives; what it took otherwise it would give up at once. */
  isHeard(): boolean;
  /** A claim that this process holds. */
  hold(queue: string, token: string): void;
  /** It is being recorded how the claim's attempt ended: that cannot be called off. */
  settle(token: string): void;
  drop(token: string): void;
  /** Wants what one replica at a time may have; `given` is called when it has it, `taken` when it may no longer rely on it. */
  want(duty: string, given: () => void, taken: () => void): void;
  giveUp(duty: string): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds between two looks for due jobs; every second one is a sign of life. */
const interval = 1_000;

/** Milliseconds after its last sign after which a replica counts as dead, by the database's clock. */
const lease = 8_000;

/** Milliseconds without an accepted sign after which a replica gives up what it holds: before others take it. */
const trust = 6_500;

export function createMembership(connection: Connection, { name, clock, now, random }: MembershipSettings): Membership {
  const id = randomUUID();
  const startedAt = clock.now();
  const holdings = createHoldings();
  let lastSign = clock.now();
  let ticks = 0;
  let running: Promise<void> | undefined;
  let cancelTick: () => void = () => undefined;

  const isHeard = () => clock.now() - lastSign < trust;

  function tick(): void {
    cancelTick = clock.schedule(interval, tick);
    if (!isHeard()) holdings.distrust();
    ticks += 1;
    attempt(ticks % 2 === 0 ? look : beat);
  }

  function attempt(work: () => Promise<void>): void {
    running ??= work()
      .catch((error: unknown) => {
        // An outage shows as trouble; a statement that is wrong will stay so.
        const isOutage = error instanceof DatabaseError && error.fault !== "statement";
        if (!isOutage) holdings.fail(error);
      })
      .finally(() => {
        running = undefined;
      });
  }

  async function beat(): Promise<void> {
    const began = clock.now();
    const { held, wanted } = holdings.all();
    const values = [id, name, startedAt, now(), held, wanted, lease, random()];
    const [row] = await connection.once(({ urgent }) =>
      urgent<{ beat: Heard }>("SELECT build_watcher.beat($1, $2, $3, $4, $5, $6, $7, $8) AS beat", values),
    );
    lastSign = began;
    if (row) holdings.hear(row.beat);
  }

  async function look(): Promise<void> {
    const rows = await connection.once(({ urgent }) =>
      urgent<{ queue: string }>("SELECT queue FROM build_watcher.due_queues($1) AS queue", [now()]),
    );
    holdings.tellDue(rows.map(({ queue }) => queue));
  }

  return {
    ...holdings,
    id,
    isHeard,
    async begin() {
      await beat();
      cancelTick = clock.schedule(interval, tick);
    },
    want(duty, given, taken) {
      holdings.want(duty, given, taken);
      attempt(beat);
    },
    async giveUp(duty) {
      holdings.forget(duty);
      const free = "UPDATE build_watcher.duties SET holder = NULL WHERE name = $1 AND holder = $2";
      await connection.once(({ run }) => run(free, [duty, id])).catch(() => undefined);
    },
    async close() {
      cancelTick();
      await running;
      // Whoever cannot say goodbye is missed soon.
      await connection.once(({ urgent }) => urgent("SELECT build_watcher.leave($1)", [id])).catch(() => undefined);
    },
  };
}
