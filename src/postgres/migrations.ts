import type { Database, Run } from "./database.ts";
import { DatabaseError } from "./database-error.ts";

/** The PostgreSQL schema of all the bot's tables. */
export const schema = "build_watcher";

/** Tables that are changed together. */
export interface SchemaPart {
  readonly name: string;
  /** SQL, one entry for each version. Entries are only appended. */
  readonly versions: readonly string[];
}

/** The key of the lock for changing tables. Any number, the same in every release. */
const lock = 0x62776c64;

/** A migration can build an index over a whole table. */
const migrationTimeout = 10 * 60_000;

/** PostgreSQL 13, as in `server_version_num`. */
const oldestServer = 130_000;

/**
 * Updates a part's tables to this version in one transaction. Bots that start at the same time wait for each other. Rejects with a `DatabaseError` if
 * the tables are newer than this version, the server is too old, or a right is missing.
 */
export async function migrate(database: Database, part: SchemaPart): Promise<void> {
  await assertServer(database);
  // If everything is in place, no right to change tables is needed.
  if ((await versionOf(database.run, database.name, part)) === part.versions.length) return;
  await database.transaction(
    async (run) => {
      await run("SELECT pg_advisory_xact_lock($1)", [lock]);
      if (!(await exists(run, "to_regnamespace", schema))) await run(`CREATE SCHEMA ${schema}`);
      await run(`CREATE TABLE IF NOT EXISTS ${schema}.versions (part text PRIMARY KEY, version integer NOT NULL)`);
      const version = await versionOf(run, database.name, part);
      for (const step of part.versions.slice(version)) await run(step);
      await run(`INSERT INTO ${schema}.versions VALUES ($1, $2) ON CONFLICT (part) DO UPDATE SET version = excluded.version`, [
        part.name,
        part.versions.length,
      ]);
    },
    { statementTimeout: migrationTimeout },
  );
}

/**
 * Returns the server's version. Rejects with a `DatabaseError` if the server is too old, or these tables are newer than this version of the bot. Tables
 * can be missing.
 */
export async function assertKnown(database: Database, parts: readonly SchemaPart[]): Promise<string> {
  const version = await assertServer(database);
  for (const part of parts) await versionOf(database.run, database.name, part);
  return version;
}

async function assertServer({ run, name }: Database): Promise<string> {
  const [{ number = 0, version = "" } = {}] = await run<{ number: number; version: string }>(
    "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version",
  );
  if (number >= oldestServer) return version;
  throw new DatabaseError(`The database ${name} is PostgreSQL ${version}; 13 or newer is needed.`, "setup");
}

async function versionOf(run: Run, database: string, { name, versions }: SchemaPart): Promise<number> {
  if (!(await exists(run, "to_regclass", `${schema}.versions`))) return 0;
  const [row] = await run<{ version: number }>(`SELECT version FROM ${schema}.versions WHERE part = $1`, [name]);
  const { version = 0 } = row ?? {};
  if (version <= versions.length) return version;
  throw new DatabaseError(
    `The database ${database} was written by a newer build-watcher (${name}: schema ${version}; this one knows ${versions.length}). Nothing was changed. Run that newer version, or let BUILD_WATCHER_DATABASE_URL name another database.`,
    "setup",
  );
}

async function exists(run: Run, lookUp: "to_regclass" | "to_regnamespace", name: string): Promise<boolean> {
  const [row] = await run<{ found: boolean }>(`SELECT ${lookUp}($1) IS NOT NULL AS found`, [name]);
  return row?.found === true;
}
