import type { Clock } from "../../core/clock.ts";
import { type Database, DatabaseError, persist } from "../../postgres/index.ts";
import { type QueueTrouble, QueueUnavailableError } from "../job-queue.ts";

/** Ways to use a database that can be unavailable for a while. */
export interface Connection {
  readonly database: Database;
  /** Tries for some seconds, then rejects with a `QueueUnavailableError`. */
  ask<T>(operation: (database: Database) => Promise<T>): Promise<T>;
  /** Tries until it succeeds. Rejects with a `QueueUnavailableError` when the signal fires. */
  insist<T>(operation: (database: Database) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Tries once, urgently. Rejects with a `DatabaseError`. */
  once<T>(operation: (database: Database) => Promise<T>): Promise<T>;
  trouble(): QueueTrouble | undefined;
}

/** Milliseconds. */
const patience = 6_000;

export function createConnection(database: Database, clock: Clock): Connection {
  let trouble: QueueTrouble | undefined;

  function failed(error: DatabaseError): void {
    if (error.fault !== "statement") trouble = { since: trouble?.since ?? clock.now(), message: error.message };
  }

  async function observed<T>(operation: (database: Database) => Promise<T>): Promise<T> {
    const answer = await operation(database);
    trouble = undefined;
    return answer;
  }

  async function patiently<T>(
    operation: (database: Database) => Promise<T>,
    how: { signal?: AbortSignal; patience?: number },
  ): Promise<T> {
    try {
      return await persist(() => observed(operation), { ...how, clock, onFailure: failed });
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.fault === "statement") throw error;
      throw new QueueUnavailableError(error.message, { cause: error });
    }
  }

  return {
    database,
    ask: (operation) => patiently(operation, { patience }),
    insist: (operation, signal) => patiently(operation, { signal }),
    async once(operation) {
      try {
        return await observed(operation);
      } catch (error) {
        if (error instanceof DatabaseError) failed(error);
        throw error;
      }
    },
    trouble: () => trouble,
  };
}
