/** The ledger cannot be opened, read or written. The message names the file, the cause and what to do. */
export class LedgerError extends Error {
  override readonly name = "LedgerError";
  readonly file: string;

  constructor(file: string, message: string, cause?: unknown) {
    super(`${file}: ${message}`, cause === undefined ? undefined : { cause });
    this.file = file;
  }
}

const otherDirectory = "let BUILD_WATCHER_STATE_DIR name another directory";
const damaged = `Nothing was changed. Restore it from a backup, or move it away together with its -wal and -shm files so that the bot begins a new one (builds still in the cluster are then submitted again), or ${otherDirectory}.`;
const notWritable = `Let the bot's user write there, or ${otherDirectory}.`;
const full = `the disk is full. Everything confirmed before is kept. Free space on that volume or enlarge it, or ${otherDirectory}; then start the bot again.`;

/** Words for SQLite's primary result codes (https://sqlite.org/rescode.html). */
const sqliteCauses: Readonly<Record<number, string>> = {
  3: `access was denied. ${notWritable}`,
  5: "another program has held it locked for too long. End that program (a database shell, a backup), then start the bot again.",
  8: `it cannot be written. ${notWritable}`,
  11: `it is damaged. ${damaged}`,
  13: full,
  14: `it cannot be opened. ${notWritable}`,
  26: `it is no SQLite database. ${damaged}`,
};

const systemCauses: Readonly<Record<string, string>> = {
  EACCES: `access was denied. ${notWritable}`,
  EPERM: `access was denied. ${notWritable}`,
  EROFS: `the file system is read-only. ${notWritable}`,
  EEXIST: `there is a file where a directory is needed. Move it away, or ${otherDirectory}.`,
  ENOTDIR: `there is a file where a directory is needed. Move it away, or ${otherDirectory}.`,
  ENOENT: `it cannot be created there. ${otherDirectory.replace("let", "Let")}.`,
  ENOSPC: full,
  EDQUOT: full,
};

/** An error of SQLite or the file system as a `LedgerError` that tells the operator what to do. */
export function explain(file: string, error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  const code = sqliteCode(error);
  const known = code === undefined ? systemCauses[systemCode(error) ?? ""] : sqliteCauses[code];
  const said = error instanceof Error ? error.message : String(error);
  const words = known ?? `it cannot be used. Check the volume that it is on, or ${otherDirectory}.`;
  return new LedgerError(file, `${words} (${said})`, error);
}

/** The error for a file that is not the one that was opened. */
export function missing(file: string): LedgerError {
  return new LedgerError(
    file,
    `it was deleted, moved or replaced while the bot worked on it. Put it back if it is still there, then start the bot again; without it the bot begins a new one (builds still in the cluster are then submitted again).`,
  );
}

/** The primary result code of an error of SQLite; undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
