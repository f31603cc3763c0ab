import type pg from "pg";
import { addressOf } from "../core/hosts/database-url.ts";
import { type Clients, createClients, driver } from "./clients.ts";
import { DatabaseError, explain, isConflict, movesOn } from "./database-error.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { createListening } from "./listening.ts";

export interface DatabaseSettings {
  /** `postgresql://…`, or a function that reads it for every new connection, so that a new password needs no restart. */
  readonly url: string | (() => string);
  /** The most connections. Default: 5. */
  readonly connections?: number;
  /** Milliseconds that opening a connection can take. Default: as in the URL, else 5 s. */
  readonly connectTimeout?: number;
  /** Milliseconds that a statement can take. Default: 10 s. */
  readonly statementTimeout?: number;
}

/** Runs one statement and returns its rows. Parameters are `$1` and so on. */
export type Run = <Row extends object = Record<string, unknown>>(
  text: string,
  values?: readonly unknown[],
) => Promise<readonly Row[]>;

/** A PostgreSQL database. Calls reject only with a `DatabaseError`. Sessions hold no state, so a pooler can be in between. */
export interface Database {
  /** Its name in messages: host, port and database. */
  readonly name: string;
  /** Runs one statement. */
  readonly run: Run;
  /** The same on a separate connection with a shorter limit: a sign of life must not wait for other work. */
  readonly urgent: Run;
  /**
   * Does work in one transaction. It is committed if the work resolves, and rolled back if it rejects. Work that conflicts with another transaction is
   * repeated. If the connection breaks during the commit, the work may have been committed or not.
   */
  transaction<T>(work: (run: Run) => Promise<T>, options?: { readonly statementTimeout?: number }): Promise<T>;
  /**
   * Hears what is told on a channel (`pg_notify`) by the connection for urgent statements, as long as that is used and no pooler lies between. Answers
   * whether it is heard now.
   */
  listen(channel: string, hear: (text: string) => void): () => boolean;
  close(): Promise<void>;
}

const defaults = { connections: 5, statementTimeout: 10_000 };

/** Milliseconds after which an unused connection is closed, and a used one is replaced so that it reaches a new primary. */
const idleTimeout = 30_000;
const longestLife = 30 * 60;

/** Milliseconds that an urgent statement can take, and opening its connection. */
const urgency = 2_000;

/** How often work that conflicts is repeated. */
const conflictsTolerated = 5;

/** Opens a database. Connections are made when they are needed. Throws a `DatabaseError` if the URL is not usable. */
export function openDatabase(settings: DatabaseSettings): Database {
  const { url, connections = defaults.connections, statementTimeout = defaults.statementTimeout } = settings;
  const read = typeof url === "string" ? () => url : url;
  const name = addressOf(parseDatabaseUrl(read()));
  const { use, close } = connecting(name, createClients(read, settings.connectTimeout), connections);
  const { listen, prepare } = createListening();
  const reserved = connecting(name, createClients(read, urgency), 1, prepare);

  function attempt<T>(work: (run: Run) => Promise<T>, timeout: number): Promise<T> {
    return use(async (connection) => {
      const query = queryOn(name, connection, timeout + patience);
      // One message, for a single round trip. A pooler refuses such settings for a session.
      await query(`BEGIN; SET LOCAL statement_timeout = ${timeout}; SET LOCAL idle_in_transaction_session_timeout = ${timeout}`);
      try {
        const answer = await work(async (text, values) => (await query(text, values)).rows);
        const { command } = await query("COMMIT");
        if (command !== "COMMIT") throw new DatabaseError("A failed transaction cannot be committed", "statement");
        return answer;
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.fault === "statement") await query("ROLLBACK");
        throw error;
      }
    });
  }

  return {
    name,
    run: (text, values) => use(async (connection) => (await queryOn(name, connection, statementTimeout)(text, values)).rows),
    urgent: (text, values) => reserved.use(async (connection) => (await queryOn(name, connection, urgency)(text, values)).rows),
    async transaction(work, { statementTimeout: timeout = statementTimeout } = {}) {
      for (let conflicts = 0; ; conflicts += 1) {
        try {
          return await attempt(work, timeout);
        } catch (error) {
          if (!isConflict(error) || conflicts === conflictsTolerated) throw error;
        }
      }
    },
    listen,
    async close() {
      await Promise.all([close(), reserved.close()]);
    },
  };
}

/** `prepare` is given every connection before it is used, and never rejects. */
function connecting(
  name: string,
  clients: Clients,
  connections: number,
  prepare: (connection: pg.PoolClient) => Promise<void> = async () => undefined,
) {
  let pool = openPool();

  function openPool(): pg.Pool {
    const opened = new (driver().Pool)({
      Client: clients.create,
      max: connections,
      connectionTimeoutMillis: 2 * clients.connectTimeout,
      idleTimeoutMillis: idleTimeout,
      maxLifetimeSeconds: longestLife,
    } as pg.PoolConfig);
    // If an unused connection breaks, that is no error: the next statement opens another.
    opened.on("error", () => undefined);
    opened.on("connect", (connected) => connected.on("error", () => undefined));
    return opened;
  }

  /** The other connections lead to the same server. */
  function renew(): void {
    clients.moveOn();
    const old = pool;
    pool = openPool();
    old.end().catch(() => undefined);
  }

  async function connect(from: pg.Pool): Promise<pg.PoolClient> {
    try {
      return await from.connect();
    } catch (error) {
      if (clients.isWorthAnotherTry(error)) return connect(from);
      clients.moveOn();
      throw explain(name, error);
    }
  }

  async function use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const from = pool;
    const connection = await connect(from);
    let broken: Error | undefined;
    try {
      await prepare(connection);
      return await work(connection);
    } catch (error) {
      // A wrong statement does not harm the connection.
      if (error instanceof DatabaseError && error.fault !== "statement") broken = error;
      throw error;
    } finally {
      connection.release(broken);
      if (broken && movesOn(broken) && from === pool) renew();
    }
  }

  return { use, close: () => pool.end() };
}

interface Answer {
  readonly rows: readonly never[];
  readonly command: string;
}

function queryOn(name: string, connection: pg.PoolClient, timeout: number) {
  return async (text: string, values?: readonly unknown[]): Promise<Answer> => {
    const query = { text, ...(values && { values: [...values] }), query_timeout: timeout, types };
    try {
      const answer = await connection.query(query as pg.QueryConfig);
      // Several statements have several results.
      return { rows: (answer.rows ?? []) as never[], command: answer.command };
    } catch (error) {
      throw explain(name, error);
    }
  };
}

/** Milliseconds that the server has to report its own time-out. */
const patience = 2_000;

/** Integers of eight bytes as numbers, which is enough for times and counts. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text") => (oid === 20 ? Number : driver().types.getTypeParser(oid, format))) as never,
};
