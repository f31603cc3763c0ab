import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { findProgram, requirePrograms } from "./programs.ts";

/** A real PostgreSQL on 127.0.0.1. Everyone but `bot` is let in without a password; the password of `bot` is `secret`. */
export interface PostgresServer {
  readonly port: number;
  /** A new database, empty, and its URL. Its owner is the user that the URL names. */
  createDatabase(): Promise<TestDatabase>;
  /** Ends the server as its administrator does, or as a crash would, and starts it again on the same data. */
  restart(how?: "fast" | "immediate", whileDown?: () => Promise<void>): Promise<void>;
  /** Lets no transaction write any more that begins from now on, as a standby does. */
  setReadOnly(isReadOnly: boolean): Promise<void>;
  /** Runs SQL as the administrator. */
  query(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

export interface TestDatabase {
  readonly name: string;
  /** Without a user's password. */
  readonly url: string;
  /** Runs SQL as the administrator. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Ends every connection to it. */
  disconnect(): Promise<void>;
  drop(): Promise<void>;
}

/** pgbouncer in transaction mode before a server. */
export interface Pooler {
  /** The URL of a database by way of the pooler. */
  urlOf(database: TestDatabase): string;
  close(): Promise<void>;
}

/** `describe` for tests that need PostgreSQL. */
export const describePostgres = requirePrograms("initdb", "postgres");

/** `describe` for tests that need PostgreSQL and pgbouncer. */
export const describePooler = requirePrograms("initdb", "postgres", "pgbouncer");

let shared: Promise<PostgresServer> | undefined;

/** The server that all tests of this process share; it ends with the process. */
export function sharedPostgres(): Promise<PostgresServer> {
  shared ??= startPostgres();
  return shared;
}

/** Starts a server with an empty cluster of its own; with certificates it offers TLS as well. */
export async function startPostgres(
  given: readonly string[] = [],
  tls?: { readonly certificate: string; readonly key: string },
): Promise<PostgresServer> {
  const directory = ownDirectory("postgres-");
  const data = join(directory, "data");
  const { POSTGRES_CLUSTER: made } = process.env;
  await (made === undefined ? initializeCluster(data) : ended(asUser("cp", ["-R", made, data])));
  writeFileSync(join(data, "pg_hba.conf"), "host all bot 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n");
  const options = tls ? [...given, ...tlsOptions(directory, tls)] : given;
  const port = await freePort();
  const start = () => startServer(directory, port, options);
  let child = await start();
  const query = (sql: string, database = "postgres") => queryOnce(port, database, sql);
  await query("CREATE ROLE bot LOGIN PASSWORD 'secret'");
  let databases = 0;

  return {
    port,
    query,
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      await query(`CREATE DATABASE ${name}`);
      return testDatabase(name, port, query);
    },
    async restart(how = "fast", whileDown = async () => undefined) {
      const pid = Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
      const gone = once(child, "close");
      process.kill(pid, how === "fast" ? "SIGINT" : "SIGQUIT");
      await gone;
      await whileDown();
      child = await start();
    },
    async setReadOnly(isReadOnly) {
      await query(`ALTER SYSTEM SET default_transaction_read_only = ${isReadOnly ? "on" : "off"}`);
      await query("SELECT pg_reload_conf()");
      while (
        (await query("SHOW default_transaction_read_only"))[0]?.default_transaction_read_only !== (isReadOnly ? "on" : "off")
      ) {
        await wait(5);
      }
    },
    async close() {
      const gone = once(child, "close");
      child.stdin?.end();
      await gone;
    },
  };
}

/** Makes a directory with an empty cluster, which a run of all tests copies for each server; answers with its path. */
export async function makeCluster(): Promise<string> {
  const directory = ownDirectory("postgres-cluster-");
  await initializeCluster(join(directory, "data"));
  return directory;
}

async function initializeCluster(data: string): Promise<void> {
  const how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--wal-segsize=4", "--no-sync", "--no-instructions"];
  await ended(asUser(program("initdb"), ["-D", data, ...how]));
}

/** Starts pgbouncer in transaction mode, with so many connections to the server at most. */
export async function startPooler({ port: server }: PostgresServer, connections = 10): Promise<Pooler> {
  const directory = ownDirectory("pgbouncer-");
  const port = await freePort();
  const config = join(directory, "pgbouncer.ini");
  writeFileSync(
    config,
    `[databases]
* = host=127.0.0.1 port=${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(directory, "users")}
pool_mode = transaction
max_client_conn = 200
default_pool_size = ${connections}
server_login_retry = 1
server_round_robin = 1
`,
  );
  writeFileSync(join(directory, "users"), '"postgres" ""\n"bot" "secret"\n');
  const child = guarded(program("pgbouncer"), ["-q", config], directory, "KILL");
  await listening(child, port);
  return {
    urlOf: ({ name }) => `postgresql://postgres@127.0.0.1:${port}/${name}`,
    async close() {
      const gone = once(child, "close");
      child.stdin?.end();
      await gone;
    },
  };
}

/** The server takes a key only from a file of its own. */
function tlsOptions(directory: string, { certificate, key }: { readonly certificate: string; readonly key: string }) {
  const { uid, gid } = serverUser();
  const files = [certificate, key].map((source, index) => {
    const file = join(directory, index === 0 ? "server.crt" : "server.key");
    writeFileSync(file, readFileSync(source), { mode: 0o600 });
    if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid);
    return file;
  });
  return ["ssl=on", `ssl_cert_file=${files[0]}`, `ssl_key_file=${files[1]}`];
}

function testDatabase(name: string, port: number, query: PostgresServer["query"]): TestDatabase {
  const disconnect = async () => {
    await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
  };
  return {
    name,
    url: `postgresql://postgres@127.0.0.1:${port}/${name}`,
    query: (sql) => query(sql, name),
    disconnect,
    async drop() {
      await query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function startServer(directory: string, port: number, options: readonly string[]): Promise<ChildProcess> {
  const settings = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    `port=${port}`,
    // A crash of the server loses nothing by this, a power cut would.
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=60",
    "wal_level=minimal",
    "max_wal_senders=0",
    ...options,
  ].flatMap((setting) => ["-c", setting]);
  const child = guarded(program("postgres"), ["-D", join(directory, "data"), ...settings], directory, "QUIT");
  await listening(child, port);
  return child;
}

/**
 * Starts a server that ends with this process, however that ends: a shell waits for its input to close, kills the server then, and removes
 * its directory.
 */
function guarded(server: string, args: readonly string[], directory: string, signal: string): ChildProcess {
  const script = `cd "$0" && exec 3<&0
    signal=$1; shift; "$@" >>log 2>&1 3<&- & server=$!
    (read -r _; : >over; kill -$signal $server) <&3 & reader=$!
    wait $server
    if [ -e over ]; then cd / && rm -rf "$0"; else kill $reader; fi`;
  return spawn("sh", ["-c", script, directory, signal, server, ...args], {
    stdio: ["pipe", "ignore", "ignore"],
    ...serverUser(),
  });
}

/** Resolves when something on a port answers a query. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The server on port ${port} ended with ${child.exitCode}`);
    try {
      await queryOnce(port, "postgres", "SELECT 1");
      return;
    } catch {
      await wait(20);
    }
  }
}

async function queryOnce(port: number, database: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", password: "", database });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** As whom servers run, where that is not this user: PostgreSQL refuses to run as root, so as its own user then, or as nobody. */
export function serverUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const entry = readFileSync("/etc/passwd", "utf8").match(/^postgres:[^:]*:(\d+):(\d+):/m);
  return { uid: Number(entry?.[1] ?? 65_534), gid: Number(entry?.[2] ?? 65_534) };
}

function ownDirectory(prefix: string): string {
  const { uid, gid } = serverUser();
  // The tests' own directory is for their user alone.
  const directory = mkdtempSync(join(uid === undefined ? tmpdir() : "/tmp", prefix));
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
  return directory;
}

function asUser(path: string, args: readonly string[]): ChildProcess {
  return spawn(path, args, { stdio: ["ignore", "ignore", "inherit"], cwd: "/", ...serverUser() });
}

function program(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

async function ended(child: ChildProcess): Promise<void> {
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}
