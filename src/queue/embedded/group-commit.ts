import type { DatabaseSync } from "node:sqlite";
import { sqliteCode } from "./ledger-error.ts";

/** Runs all operations of one turn of the event loop in one transaction, with one sync of the disk. */
export interface GroupCommit {
  /**
   * Runs an operation on the database and resolves with its result once that is on disk. An operation can run twice: if another one in the
   * transaction throws, everything is rolled back and run again without it.
   */
  run<T>(operation: () => T): Promise<T>;
  /** Applies what waits. Everything after that is rejected with this error. */
  end(error: Error): void;
}

export interface GroupCommitHooks {
  /** Called before each transaction. An error counts as a failure of the database. */
  begin?(): void;
  /** Called after each commit, when its promises have resolved. */
  committed(): void;
  /** The database failed: the last batch is lost, and no more is accepted. Returns the error to reject with. */
  failed(error: unknown): Error;
}

interface Entry {
  readonly apply: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Result codes that mean that a statement is wrong, not the database: too big, constraint, mismatch, range. */
const operationFaults: readonly (number | undefined)[] = [18, 19, 20, 25, undefined];

export function createGroupCommit(connection: DatabaseSync, hooks: GroupCommitHooks): GroupCommit {
  const begin = connection.prepare("BEGIN IMMEDIATE");
  const commit = connection.prepare("COMMIT");
  let waiting: Entry[] = [];
  let ended: Error | undefined;

  /** Applies a batch. Returns the entry that failed, if one did. */
  function apply(batch: readonly Entry[]): Entry | undefined {
    hooks.begin?.();
    begin.run();
    for (const entry of batch) {
      try {
        entry.apply();
      } catch (error) {
        if (!operationFaults.includes(sqliteCode(error))) throw error;
        connection.exec("ROLLBACK");
        entry.reject(error);
        return entry;
      }
    }
    commit.run();
    return undefined;
  }

  function applyAll(batch: Entry[]): void {
    let rest = batch;
    try {
      for (let spoiler = apply(rest); spoiler; spoiler = rest.length > 0 ? apply(rest) : undefined) {
        rest = rest.filter((entry) => entry !== spoiler);
      }
    } catch (error) {
      fail(rest, error);
      return;
    }
    for (const entry of rest) entry.resolve();
    hooks.committed();
  }

  function fail(batch: readonly Entry[], cause: unknown): void {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    const error = hooks.failed(cause);
    ended = error;
    for (const entry of [...batch, ...waiting]) entry.reject(error);
    waiting = [];
  }

  function flush(): void {
    const batch = waiting;
    waiting = [];
    if (batch.length > 0) applyAll(batch);
  }

  return {
    run<T>(operation: () => T): Promise<T> {
      if (ended) return Promise.reject(ended);
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      let value: T;
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({
        apply: () => {
          value = operation();
        },
        resolve: () => resolve(value),
        reject,
      });
      return promise;
    },
    end(error) {
      flush();
      ended ??= error;
    },
  };
}
