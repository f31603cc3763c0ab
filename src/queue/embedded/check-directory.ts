import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "./database.ts";
import { explain, LedgerError } from "./ledger-error.ts";
import { lockDirectory } from "./lock.ts";
import { createPrivateFile } from "./private-file.ts";

/**
 * Whether a bot could keep its ledger in a directory, and whether one is working with it now. A ledger that is there is opened and left as it
 * is. Throws `LedgerError`.
 */
export function checkStateDirectory(directory: string): { readonly inUse: boolean } {
  assertWritable(directory);
  const inUse = isLocked(directory);
  if (existsSync(join(directory, "ledger.db")))
    openDatabase({ directory, exclusive: false, synchronous: "full" }).close();
  return { inUse };
}

function assertWritable(directory: string): void {
  const file = join(directory, `check-${randomUUID()}`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
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
    if (error instanceof LedgerError && error.inUse) return true;
    throw error;
  }
}
