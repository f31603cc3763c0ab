import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { explain } from "./ledger-error.ts";

/** Creates an empty file that only its owner can read. An existing file is not opened, because closing it would drop SQLite's locks. */
export function createPrivateFile(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw explain(file, error);
  }
}

/**
 * Creates a directory that only its owner can use, and missing parents. It goes level by level, because Node's own recursion does not end where the
 * system always answers ENOENT, as below /proc.
 */
export function createPrivateDirectory(directory: string): void {
  try {
    createLevel(resolve(directory));
  } catch (error) {
    throw explain(directory, error);
  }
}

function createLevel(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) createLevel(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have created it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
