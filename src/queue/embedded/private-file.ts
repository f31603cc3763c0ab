import { closeSync, openSync } from "node:fs";
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
