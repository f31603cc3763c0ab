import { parseDatabaseUrl as parse, type SslMode } from "../core/hosts/database-url.ts";
import { type Database, openDatabase, type Run } from "./database.ts";
import { DatabaseError } from "./database-error.ts";
import { assertKnown, type SchemaPart, schema } from "./migrations.ts";

/** What was found in a database. Nothing is left there. */
export interface DatabaseProbe {
  /** Host, port and name. */
  readonly name: string;
  readonly user: string;
  /** As the server says it: `15.4`. */
  readonly version: string;
  /** Milliseconds until an answer, the median of a few. */
  readonly latency: number;
  readonly sslMode: SslMode;
  /** Whether it is on this machine. */
  readonly isLocal: boolean;
  /** Whether the server, or the pooler in front of it, gives a connection for one transaction only. */
  readonly isPooled: boolean;
  /** Whether the bot's tables are there already. */
  readonly hasTables: boolean;
  /** Whether the user can create and change tables. It can use those that exist. */
  readonly mayMakeTables: boolean;
}

const asked = 7;

/** Finds out whether a bot can work with a database. Rejects with a `DatabaseError` if it cannot. */
export async function probeDatabase(url: () => string, parts: readonly SchemaPart[]): Promise<DatabaseProbe> {
  const { hosts, user, sslMode } = parse(url());
  const database = openDatabase({ url, connections: 1 });
  const other = openDatabase({ url, connections: 1 });
  try {
    const version = await assertKnown(database, parts);
    await assertWritable(database);
    return {
      name: database.name,
      user,
      sslMode,
      version,
      isLocal: hosts.every(({ host }) => /^(\/|localhost$|127\.|::1$)/.test(host)),
      latency: await latencyOf(database.run),
      isPooled: await sharesConnections(database.run, other.run),
      ...(await rightsIn(database)),
    };
  } finally {
    await Promise.all([database.close(), other.close()]);
  }
}

async function assertWritable({ run, name }: Database): Promise<void> {
  const [{ standby = false, readonly = "off" } = {}] = await run<{ standby: boolean; readonly: string }>(
    "SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS readonly",
  );
  if (!standby && readonly === "off") return;
  const why = standby ? "a standby. Let BUILD_WATCHER_DATABASE_URL name the primary (-rw, -primary)" : "read-only";
  throw new DatabaseError(`The database ${name} takes no writes: it is ${why}.`, "outage");
}

async function latencyOf(run: Run): Promise<number> {
  const took: number[] = [];
  for (let count = 0; count < asked; count += 1) {
    const began = performance.now();
    await run("SELECT 1");
    took.push(performance.now() - began);
  }
  return took.toSorted((a, b) => a - b)[Math.floor(asked / 2)] ?? 0;
}

/** Connects two clients at the same time. One process of the server serves both only if connections are shared. */
async function sharesConnections(one: Run, other: Run): Promise<boolean> {
  const served = new Set<unknown>();
  let isShared = false;
  for (let count = 0; count < asked; count += 1) {
    served.add(await processOf(one));
    isShared ||= served.has(await processOf(other));
  }
  return isShared;
}

async function processOf(run: Run): Promise<number | undefined> {
  return (await run<{ process: number }>("SELECT pg_backend_pid() AS process"))[0]?.process;
}

/** Tries what a bot needs, and rolls it back. If something is missing, that is an error. */
async function rightsIn(database: Database): Promise<Pick<DatabaseProbe, "hasTables" | "mayMakeTables">> {
  const [{ exists = false, missing = null } = {}] = await database.run<{ exists: boolean; missing: string | null }>(
    `SELECT to_regclass('${schema}.versions') IS NOT NULL AS exists, (SELECT min(tablename) FROM pg_tables WHERE schemaname = '${schema}' AND NOT (${everyRight})) AS missing`,
  );
  if (missing !== null)
    throw new DatabaseError(
      `The user of the database ${database.name} cannot read and write the table ${schema}.${missing}. Let the user of BUILD_WATCHER_DATABASE_URL own it.`,
      "setup",
      { code: "42501" },
    );
  try {
    await makeAndUndo(database);
    return { hasTables: exists, mayMakeTables: true };
  } catch (error) {
    if (exists && error instanceof DatabaseError && error.code === "42501") return { hasTables: true, mayMakeTables: false };
    throw error;
  }
}

const everyRight = ["SELECT", "INSERT", "UPDATE", "DELETE"]
  .map((right) => `has_table_privilege(quote_ident(schemaname) || '.' || quote_ident(tablename), '${right}')`)
  .join(" AND ");

async function makeAndUndo(database: Database): Promise<void> {
  const undone = new DatabaseError("The try is over", "statement");
  try {
    await database.transaction(async (run) => {
      const [{ found = false } = {}] = await run<{ found: boolean }>(`SELECT to_regnamespace('${schema}') IS NOT NULL AS found`);
      if (!found) await run(`CREATE SCHEMA ${schema}`);
      await run(`CREATE TABLE ${schema}.tried (value integer)`);
      await run(`INSERT INTO ${schema}.tried VALUES (1)`);
      throw undone;
    });
  } catch (error) {
    if (error !== undone) throw error;
  }
}
