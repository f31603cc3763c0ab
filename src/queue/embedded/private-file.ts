import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { explain } from "./ledger-error.ts";

/** Creates an empty file only its owner can read; an existing one is not even opened, since closing it would drop SQLite's locks. */
export function createPrivateFile(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw explain(file, error);
  }
}

/**
 * Creates a directory for its owner alone, and those above it that are missing. Level by level, since Node's own recursion never ends where the
 * system answers ENOENT to every attempt, as below /proc.
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
    // Another process may have made it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
