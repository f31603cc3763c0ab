import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { explain, LedgerError, sqliteCode } from "./ledger-error.ts";
import { createPrivateFile } from "./private-file.ts";

export interface DirectoryLock {
  release(): void;
}

/** Another bot works in the directory. */
export class DirectoryInUseError extends LedgerError {
  constructor(directory: string) {
    super(
      directory,
      "another bot is working in this directory. Stop it first, or give this one a directory of its own with BUILD_WATCHER_STATE_DIR.",
    );
  }
}

const busy = 5;

/**
 * Makes the caller the only bot in a directory. The lock is a transaction on a small SQLite file, so the system releases it whenever the process
 * ends, for any reason. Throws `DirectoryInUseError`, or another `LedgerError`.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const file = join(directory, "bot.lock");
  createPrivateFile(file);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 500 });
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    throw sqliteCode(error) === busy ? new DirectoryInUseError(directory) : explain(file, error);
  }
  return { release: () => database.close() };
}
