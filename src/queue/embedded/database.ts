import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { explain, LedgerError, missing } from "./ledger-error.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { migrate, needsMigration } from "./migrations.ts";
import { createPrivateDirectory, createPrivateFile } from "./private-file.ts";

export interface DatabaseSettings {
  /** Created with mode 0700 if it is missing. */
  readonly directory: string;
  /** Whether the caller is the directory's one bot. */
  readonly exclusive: boolean;
  /** `full` survives a power cut, `normal` only the end of the process. */
  readonly synchronous: "full" | "normal";
  /** Pages that the file can grow to before the disk counts as full. */
  readonly maximumPages?: number;
}

export interface LedgerDatabase {
  readonly file: string;
  readonly connection: DatabaseSync;
  /** Throws `LedgerError` if the file was deleted, moved or replaced. SQLite would continue to write to the lost file. */
  assertInPlace(): void;
  close(): void;
}

/** Milliseconds to wait for another process. It never writes for longer than a moment. */
const busyTimeout = 5_000;

/** Of the file, for each connection. The system caches the rest: a bot has three ledgers, and SQLite would keep 2 MiB of each. */
const cachedKibibytes = 768;

/** Opens the ledger's file and updates it to this version's schema. Throws `LedgerError`. */
export function openDatabase(settings: DatabaseSettings): LedgerDatabase {
  const file = join(settings.directory, "ledger.db");
  createPrivateDirectory(settings.directory);
  const lock = settings.exclusive ? lockDirectory(settings.directory) : undefined;
  try {
    const connection = connect(file, settings);
    const opened = inodeOf(file);
    return {
      file,
      connection,
      assertInPlace() {
        if (inodeOf(file) !== opened) throw missing(file);
      },
      close: () => close(connection, lock),
    };
  } catch (error) {
    lock?.release();
    throw explain(file, error);
  }
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino;
}

function connect(file: string, settings: DatabaseSettings): DatabaseSync {
  createPrivateFile(file);
  const connection = new DatabaseSync(file, { timeout: busyTimeout });
  try {
    assertVersion(connection, file);
    const outdated = needsMigration(connection, file);
    // By default SQLite writes what a statement may have to undo to a temporary file: many times as much as the ledger itself.
    connection.exec(
      `PRAGMA temp_store = memory; PRAGMA cache_size = -${cachedKibibytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${settings.synchronous}`,
    );
    if (settings.maximumPages !== undefined) connection.exec(`PRAGMA max_page_count = ${settings.maximumPages}`);
    if (outdated) migrateAlone(connection, file, settings);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The tables must not change while a bot of an older version works on them. */
function migrateAlone(connection: DatabaseSync, file: string, settings: DatabaseSettings): void {
  const lock = settings.exclusive ? undefined : lockDirectory(settings.directory);
  try {
    migrate(connection, file);
  } finally {
    lock?.release();
  }
}

/** SQLite before 3.51.3 can corrupt a WAL that two processes write to (https://sqlite.org/wal.html#walresetbug). */
function assertVersion(connection: DatabaseSync, file: string): void {
  const version = String(connection.prepare("SELECT sqlite_version() AS version").get()?.version);
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (major * 1_000_000 + minor * 1_000 + patch >= 3_051_003) return;
  throw new LedgerError(file, `SQLite ${version} can corrupt it; 3.51.3 is needed. Run the bot with a newer Node 24.`);
}

function close(connection: DatabaseSync, lock: DirectoryLock | undefined): void {
  if (connection.isOpen) connection.close();
  lock?.release();
}
