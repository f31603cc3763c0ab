import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/queue/embedded/database.ts";

let made: Buffer | undefined;

/** Puts a ledger into a directory as the queue makes it, without a job. All the steps of its schema take longer than most tests. */
export function putEmptyLedger(directory: string): void {
  made ??= makeLedger();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, "ledger.db"), made, { mode: 0o600 });
}

function makeLedger(): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "build-watcher-ledger-"));
  openDatabase({ directory, exclusive: true, synchronous: "normal" }).close();
  const bytes = readFileSync(join(directory, "ledger.db"));
  rmSync(directory, { recursive: true });
  return bytes;
}
