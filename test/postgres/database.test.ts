import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import {
  type Database,
  type DatabaseError,
  type DatabaseSettings,
  migrate,
  openDatabase,
  persist,
} from "../../src/postgres/index.ts";
import {
  describePooler,
  describePostgres,
  type Pooler,
  type PostgresServer,
  sharedPostgres,
  startPooler,
  type TestDatabase,
} from "../support/postgres.ts";

const opened: Database[] = [];

function open(url: string, settings: Partial<DatabaseSettings> = {}): Database {
  const database = openDatabase({ url, ...settings });
  opened.push(database);
  return database;
}

async function failure(work: Promise<unknown>): Promise<DatabaseError> {
  return work.then(
    () => expect.unreachable(),
    (error) => error,
  );
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close()));
});

describePostgres("a database", () => {
  let server: PostgresServer;
  let made: TestDatabase;

  beforeAll(async () => {
    server = await sharedPostgres();
    made = await server.createDatabase();
    await made.query("CREATE TABLE notes (text text)");
  });
  afterAll(() => made.drop());

  const count = async (database: Database) => (await database.run<{ n: number }>("SELECT count(*) AS n FROM notes"))[0]?.n;

  it("commits what a transaction did, and undoes it when its work fails", async () => {
    const database = open(made.url);
    await database.transaction((run) => run("INSERT INTO notes VALUES ($1)", ["kept"]));
    const undone = database.transaction(async (run) => {
      await run("INSERT INTO notes VALUES ('undone')");
      throw new RangeError("no");
    });
    await expect(undone).rejects.toThrow(RangeError);
    expect(await database.run("SELECT text FROM notes")).toEqual([{ text: "kept" }]);
  });

  it("distinguishes a wrong statement from a database that cannot be used", async () => {
    const database = open(made.url);
    expect(await failure(database.run("SELECT nothing"))).toMatchObject({ fault: "statement", code: "42703" });
    expect(await failure(database.transaction((run) => run("SELECT 1/0")))).toMatchObject({ fault: "statement" });
    const swallowed = database.transaction(async (run) => run("SELECT 1/0").catch(() => undefined));
    expect(await failure(swallowed)).toMatchObject({ message: expect.stringContaining("failed transaction") });
  });

  it("does work again that was in another transaction's way", async () => {
    const database = open(made.url);
    let tries = 0;
    await database.transaction(async (run) => {
      tries += 1;
      if (tries === 1) await run("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$");
    });
    expect(tries).toBe(2);
  });

  it.each([
    ["wrong password", "bot:nope@HOST/NAME", /password is wrong/],
    ["missing password", "bot@HOST/NAME", /password is needed/],
    ["missing database", "bot:secret@HOST/nowhere", /Create it/],
    ["missing TLS", "bot:secret@HOST/NAME?sslmode=require", /sslmode=prefer/],
    ["missing file", "bot:secret@HOST/NAME?sslmode=verify-full&sslrootcert=/missing.crt", /sslrootcert.*missing\.crt/],
  ])("says what a person has to mend: %s", async (_name, url, words) => {
    const database = open(`postgresql://${url.replace("HOST", `127.0.0.1:${server.port}`).replace("NAME", made.name)}`);
    const error = await failure(database.run("SELECT 1"));
    expect(error).toMatchObject({ fault: "setup", message: expect.stringMatching(words) });
    expect(error.message).toContain("BUILD_WATCHER_DATABASE_URL");
    expect(JSON.stringify([error.message, error.stack, error])).not.toMatch(/nope|secret/);
  });

  it("says which right is missing", async () => {
    const database = open(made.url.replace("postgres@", "bot:secret@"));
    const error = await failure(migrate(database, { name: "notes", versions: ["SELECT 1"] }));
    expect(error).toMatchObject({ fault: "setup", code: "42501", message: expect.stringContaining("grant it CREATE") });
  });

  it("does without TLS where that need not be and the server offers none, on every connection", async () => {
    const database = open(`${made.url}?sslmode=prefer`);
    const counts = await Promise.all(Array.from({ length: 5 }, () => count(database)));
    expect(counts).toEqual([1, 1, 1, 1, 1]);
  });

  it("passes over hosts that do not answer", async () => {
    const database = open(made.url.replace("@", "@127.0.0.1:1,"));
    expect(await persist(() => count(database), { clock: systemClock, patience: 60_000 })).toBe(1);
  });

  it("continues after closed connections, a restart and a crash of the server", async () => {
    const database = open(made.url);
    const again = () => persist(() => count(database), { clock: systemClock, patience: 60_000 });
    await database.run("SELECT 1");
    await made.disconnect();
    expect(await again()).toBe(1);
    for (const how of ["fast", "immediate"] as const) {
      const failures: DatabaseError[] = [];
      await server.restart(how, async () => {
        failures.push(await failure(database.run("SELECT 1")));
      });
      expect(failures).toMatchObject([{ fault: "outage" }]);
      expect(await again()).toBe(1);
    }
  });

  it("drops the connections to a server that takes no writes any more", async () => {
    const database = open(made.url);
    const pid = async () => (await database.run("SELECT pg_backend_pid() AS pid"))[0]?.pid;
    const before = await pid();
    await server.setReadOnly(true);
    const refused = await failure(database.run("INSERT INTO notes VALUES ('lost')"));
    await server.setReadOnly(false);
    expect(refused).toMatchObject({ fault: "outage", code: "25006" });
    expect(await pid()).not.toBe(before);
  });

  it("limits how long a statement runs and waits for locks", async () => {
    const database = open(made.url, { statementTimeout: 50 });
    expect(await failure(database.transaction((run) => run("SELECT pg_sleep(60)")))).toMatchObject({ code: "57014" });
    expect(await failure(database.run("SELECT pg_sleep(60)"))).toMatchObject({ fault: "outage" });
    expect(await count(database)).toBe(1);
  });

  it("does not wait for ever for a server that says nothing", async () => {
    const silent: Server = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const database = open(`postgresql://bot:secret@127.0.0.1:${port}/bw`, { connectTimeout: 50 });
    expect(await failure(database.run("SELECT 1"))).toMatchObject({ fault: "outage" });
    silent.close();
  });

  it("hears what is told on a channel, also after the connection broke", async () => {
    const database = open(made.url);
    const heard: string[] = [];
    const isHeard = database.listen("news", (text) => heard.push(text));
    const tell = (text: string) => database.run("SELECT pg_notify('news', $1)", [text]);
    await tell("too early");
    await database.urgent("SELECT 1");
    expect(isHeard()).toBe(true);
    await tell("one");
    await expect.poll(() => heard).toEqual(["one"]);
    await made.disconnect();
    await expect.poll(isHeard).toBe(false);
    await persist(() => database.urgent("SELECT 1"), { clock: systemClock, patience: 60_000 });
    await persist(() => tell("two"), { clock: systemClock, patience: 60_000 });
    await expect.poll(() => heard).toEqual(["one", "two"]);
  });

  it("brings tables up to date once, however many start together, and refuses newer ones", async () => {
    const [one, other] = [open(made.url), open(made.url)];
    const versions = ["CREATE TABLE build_watcher.things (a bigint); CREATE TABLE build_watcher.others (a int)"];
    await Promise.all([one, other].map((database) => migrate(database, { name: "things", versions })));
    const next = { name: "things", versions: [...versions, "ALTER TABLE build_watcher.things ADD COLUMN b text"] };
    await migrate(one, next);
    await migrate(other, next);
    await one.run("INSERT INTO build_watcher.things VALUES ($1, $2)", [2 ** 40, "b"]);
    expect(await one.run("SELECT * FROM build_watcher.things")).toEqual([{ a: 2 ** 40, b: "b" }]);
    expect(await failure(migrate(one, { name: "things", versions }))).toMatchObject({
      fault: "setup",
      message: expect.stringMatching(/newer build-watcher .*schema 2.*Nothing was changed/),
    });
  });
});

describePooler("a database behind pgbouncer in transaction mode", () => {
  let made: TestDatabase;
  let pooler: Pooler;

  beforeAll(async () => {
    const server = await sharedPostgres();
    made = await server.createDatabase();
    pooler = await startPooler(server, 2);
  });
  afterAll(async () => {
    await pooler.close();
    await made.drop();
  });

  it("works the same, with more clients than the pooler has connections", async () => {
    const databases = [open(pooler.urlOf(made)), open(pooler.urlOf(made))];
    const versions = ["CREATE TABLE build_watcher.notes (text text)"];
    await Promise.all(databases.map((database) => migrate(database, { name: "notes", versions })));
    const work = databases.flatMap((database) =>
      Array.from({ length: 20 }, (_, n) =>
        database.transaction((run) => run("INSERT INTO build_watcher.notes VALUES ($1)", [n])),
      ),
    );
    await Promise.all(work);
    expect(await databases[0]?.run("SELECT count(*)::int AS n FROM build_watcher.notes")).toEqual([{ n: 40 }]);
  });

  it("knows that nothing is heard through it", async () => {
    const database = open(pooler.urlOf(made));
    const isHeard = database.listen("news", () => undefined);
    expect(await database.urgent("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(isHeard()).toBe(false);
    const listening = await made.query(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    );
    expect(listening).toEqual([]);
  });

  it("reports a missing database", async () => {
    const error = await failure(open(pooler.urlOf({ ...made, name: "nowhere" })).run("SELECT 1"));
    expect(error).toMatchObject({ fault: "setup", message: expect.stringContaining("Create it") });
  });
});
