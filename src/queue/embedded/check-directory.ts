import { randomUUID } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { explain } from "./ledger-error.ts";
import { DirectoryInUseError, lockDirectory } from "./lock.ts";
import { needsMigration } from "./migrations.ts";
import { createPrivateDirectory, createPrivateFile } from "./private-file.ts";

/**
 * Says whether a bot can keep its ledger in this directory, and whether one works there now. Creates the directory if it is missing, and only reads a
 * ledger that is there. Throws `LedgerError`.
 */
export function checkStateDirectory(directory: string): { readonly inUse: boolean } {
  assertWritable(directory);
  const inUse = isLocked(directory);
  assertReadable(join(directory, "ledger.db"));
  return { inUse };
}

function assertWritable(directory: string): void {
  const file = join(directory, `check-${randomUUID()}`);
  try {
    createPrivateDirectory(directory);
    createPrivateFile(file);
    rmSync(file);
  } catch (error) {
    throw explain(directory, error);
  }
}

function isLocked(directory: string): boolean {
  try {
    lockDirectory(directory).release();
    return false;
  } catch (error) {
    if (error instanceof DirectoryInUseError) return true;
    throw error;
  }
}

function assertReadable(file: string): void {
  if (!existsSync(file)) return;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: true, timeout: 500 });
    needsMigration(database, file);
  } catch (error) {
    throw explain(file, error);
  } finally {
    database?.close();
  }
}
