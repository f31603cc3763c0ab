import type pg from "pg";

/** Called with a message of a channel. */
export type Hear = (text: string) => void;

/** What a connection must do before it gets messages of channels. */
export interface Listening {
  /** Listens on a channel. Returns whether messages arrive now: a pooler passes none on. */
  listen(channel: string, hear: Hear): () => boolean;
  /** Lets a connection hear, the first time it is given. */
  prepare(connection: pg.PoolClient): Promise<void>;
}

/** Milliseconds. */
const timeout = 2_000;

/** Listens on the connection that lives longest. Messages are missed while it is replaced. */
export function createListening(): Listening {
  const channels = new Map<string, Hear>();
  const prepared = new WeakSet<pg.PoolClient>();
  let hearing: pg.PoolClient | undefined;

  async function begin(connection: pg.PoolClient): Promise<void> {
    const ask = (text: string) => connection.query<{ process: number }>({ text, query_timeout: timeout } as pg.QueryConfig);
    const { rows } = await ask("SELECT pg_backend_pid() AS process");
    // A pooler gives out a number of its own.
    if (rows[0]?.process !== processOf(connection)) return;
    connection.on("notification", ({ channel, payload = "" }) => channels.get(channel)?.(payload));
    connection.once("end", () => {
      if (hearing === connection) hearing = undefined;
    });
    for (const channel of channels.keys()) await ask(`LISTEN ${channel}`);
    hearing = connection;
  }

  return {
    listen(channel, hear) {
      channels.set(channel, hear);
      return () => hearing !== undefined;
    },
    async prepare(connection) {
      if (channels.size === 0 || prepared.has(connection)) return;
      prepared.add(connection);
      // A standby does not let anybody listen; a connection that broke shows it by the next statement.
      await begin(connection).catch(() => undefined);
    },
  };
}

/** The server's process for a connection, as the server said when it was opened. */
function processOf(connection: pg.PoolClient): number | undefined {
  return (connection as { readonly processID?: number }).processID;
}
