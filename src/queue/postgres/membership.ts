import { randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { DatabaseError } from "../../postgres/index.ts";
import type { StoreHooks } from "../dispatching/store.ts";
import { createCalls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import { createHoldings, type Heard } from "./holdings.ts";

export interface MembershipSettings {
  /** This replica's name for people. */
  readonly name: string;
  readonly clock: Clock;
  /** The time in tests. Null: the database's time. */
  readonly now: () => number | null;
  /** In [0, 1). */
  readonly random: () => number;
}

/** This process as one of several replicas. It gives signs of life, and learns from the answers about other replicas and its own claims. */
export interface Membership {
  readonly id: string;
  /** Gives the first sign. */
  begin(): Promise<void>;
  /** Adds a queue to be told of changes, and tells it at once of jobs that were released before. */
  join(queue: string, hooks: StoreHooks): void;
  leave(queue: string): void;
  /** Whether others know that this process lives. Otherwise it would have to give up at once what it takes. */
  isHeard(): boolean;
  /** Tells the other replicas, before their next sign of life, that a queue may have due jobs. */
  call(queue: string): void;
  /** A claim that this process holds. */
  hold(queue: string, token: string): void;
  /** Says that the end of the claim's attempt is being recorded, which cannot be stopped. */
  settle(token: string): void;
  drop(token: string): void;
  /** Asks for what only one replica at a time can have. `given` is called when this one has it, `taken` when it can no longer rely on it. */
  want(duty: string, given: () => void, taken: () => void): void;
  giveUp(duty: string): Promise<void>;
  /** Calls when others may no longer know that this process lives, until the function that it answers is called. */
  watch(lost: () => void): () => void;
  close(): Promise<void>;
}

/** Milliseconds between two signs of life. Each is also a look for due jobs. */
const interval = 1_000;

/** Milliseconds without a sign after which a replica counts as dead. Only times in which any replica gave signs count. */
const lease = 7_000;

/** Milliseconds without an accepted sign after which a replica gives up what it holds. Its child processes have ended before others take over. */
const trust = 5_000;

export function createMembership(connection: Connection, { name, clock, now, random }: MembershipSettings): Membership {
  const id = randomUUID();
  const startedAt = clock.now();
  const holdings = createHoldings();
  const trusted = createTrust(clock, holdings.distrust);
  const calls = createCalls(connection, { id, clock, isNeeded: () => hasOthers, called: (queue) => holdings.tellDue([queue]) });
  let hasOthers = false;
  let running: Promise<void> | undefined;
  let cancelTick: () => void = () => undefined;

  function tick(): void {
    cancelTick = clock.schedule(interval, tick);
    // Even claims that were asked for before and answered after.
    if (!trusted.isThere()) holdings.distrust();
    attempt();
  }

  function attempt(): void {
    running ??= beat()
      .catch((error: unknown) => {
        // An outage is shown as trouble. A wrong statement will stay wrong.
        const isOutage = error instanceof DatabaseError && error.fault !== "statement";
        if (!isOutage) holdings.fail(error);
      })
      .finally(() => {
        running = undefined;
      });
  }

  async function beat(): Promise<void> {
    const heard = await trusted.give(ask);
    hasOthers = heard.others;
    holdings.hear(heard);
    if (!trusted.isThere()) holdings.distrust();
  }

  async function ask(): Promise<Heard> {
    const { held, wanted } = holdings.all();
    const values = [id, name, startedAt, now(), held, wanted, lease, random()];
    const [row] = await connection.once(({ urgent }) =>
      urgent<{ beat: Heard }>("SELECT build_watcher.beat($1, $2, $3, $4, $5, $6, $7, $8) AS beat", values),
    );
    return row?.beat ?? { released: [], lost: [], duties: [], due: [], others: false };
  }

  return {
    ...holdings,
    id,
    isHeard: trusted.isThere,
    call: calls.call,
    async begin() {
      await beat();
      cancelTick = clock.schedule(interval, tick);
    },
    want(duty, given, taken) {
      holdings.want(duty, given, taken);
      attempt();
    },
    async giveUp(duty) {
      holdings.forget(duty);
      const free = "UPDATE build_watcher.duties SET holder = NULL WHERE name = $1 AND holder = $2";
      await connection.once(({ run }) => run(free, [duty, id])).catch(() => undefined);
    },
    async close() {
      cancelTick();
      await running;
      trusted.end();
      calls.close();
      // If saying goodbye fails, the others notice soon.
      await connection.once(({ urgent }) => urgent("SELECT build_watcher.leave($1)", [id])).catch(() => undefined);
    },
  };
}

/** Trust in the last accepted sign. It ages by a timer from when the sign was given, because the time of day can be changed. */
function createTrust(clock: Clock, ended: () => void) {
  let last: Sign = { isFresh: false, drop: () => undefined };

  function newSign(): Sign {
    const sign = {
      isFresh: true,
      drop: clock.schedule(trust, () => {
        sign.isFresh = false;
        if (sign === last) ended();
      }),
    };
    return sign;
  }

  return {
    isThere: () => last.isFresh,
    /** Gives a sign, and relies on it once it is accepted. */
    async give<T>(accepted: () => Promise<T>): Promise<T> {
      const sign = newSign();
      try {
        const answer = await accepted();
        last.drop();
        last = sign;
        return answer;
      } catch (error) {
        sign.drop();
        throw error;
      }
    },
    end: () => last.drop(),
  };
}

interface Sign {
  readonly isFresh: boolean;
  /** Stops its ageing. */
  readonly drop: () => void;
}
