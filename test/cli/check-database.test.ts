import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import { checkDatabase } from "../../src/cli/check/database.ts";
import { setCommandFor } from "../../src/cli/check/set-command.ts";
import { loadConfig } from "../../src/config/load.ts";
import { packageTables } from "../../src/inventory/index.ts";
import { migrate, openDatabase } from "../../src/postgres/index.ts";
import { queueSchema } from "../../src/queue/index.ts";
import { createWorld } from "../support/bot.ts";
import {
  describePooler,
  describePostgres,
  sharedPostgres,
  startPooler,
  startPostgres,
  type TestDatabase,
} from "../support/postgres.ts";

async function look(url: string, environment: Readonly<Record<string, string>> = {}) {
  const given = { BUILD_WATCHER_DATABASE_URL: url, ...environment };
  const { config } = loadConfig({ flags: {}, environment: { HOME: "/", ...given } });
  return checkDatabase(config, { set: setCommandFor({ environment: given, flags: {} }), environment: given });
}

async function states(url: string): Promise<readonly string[]> {
  return (await look(url)).map(({ check, state }) => `${state} ${check}`);
}

async function makeTables(url: string): Promise<void> {
  const database = openDatabase({ url });
  await migrate(database, queueSchema);
  await migrate(database, packageTables);
  await database.close();
}

describePostgres("check of the database", () => {
  let database: TestDatabase;
  const asBot = (password = "secret") => database.url.replace("postgres@", `bot:${password}@`);

  beforeEach(async () => {
    database = await (await sharedPostgres()).createDatabase();
  });
  afterEach(() => database.drop());

  it("says that it answers, how fast, which version, and that tables can be made; and leaves nothing there", async () => {
    const findings = await look(database.url);
    expect(findings.map(({ state, check }) => `${state} ${check}`)).toEqual([
      "ok database",
      "ok database TLS",
      "ok database rights",
    ]);
    expect(findings[0]?.detail).toMatch(
      /^127\.0\.0\.1:\d+\/test_\d+ answers in [\d.]+ ms: PostgreSQL \d+.*without tables of the bot/,
    );
    expect(findings[0]?.detail).not.toContain("pooler");
    expect(await database.query("SELECT nspname FROM pg_namespace WHERE nspname = 'build_watcher'")).toEqual([]);
    await makeTables(database.url);
    expect((await look(database.url))[0]?.detail).not.toContain("without tables");
  });

  it("is one of the things that the command looks at, without showing the password", async () => {
    await using world = await createWorld();
    const bot = world.bot(["check"], { BUILD_WATCHER_DATABASE_URL: asBot("hush-hush") });
    await bot.exit;
    expect(bot.stdout()).toMatch(/^fails +database +.*password is wrong/m);
    expect(bot.stdout() + bot.stderr()).not.toContain("hush-hush");
  });

  it.each<[string, (url: string) => string, RegExp]>([
    ["a wrong password", () => asBot("wrong"), /password is wrong\. Correct it in BUILD_WATCHER_DATABASE_URL/],
    ["a database that does not exist", (url) => `${url}_x`, /does not exist/],
    ["a server that is not there", () => "postgresql://app@127.0.0.1:1/bot", /nothing listens there/],
    ["a server without TLS", (url) => `${url}?sslmode=require`, /offers no TLS/],
    ["a user who may make no tables", () => asBot(), /lacks a right\. .*grant it CREATE/],
  ])("fails with %s, and says what to set", async (_, urlOf, message) => {
    const [finding, ...others] = await look(urlOf(database.url));
    expect(finding).toMatchObject({ check: "database", state: "fails", detail: expect.stringMatching(message) });
    expect(finding?.mend).toBe("export BUILD_WATCHER_DATABASE_URL=<url>");
    expect(others).toEqual([]);
  });

  it("distinguishes a user who can use the tables but create none from one who cannot use them", async () => {
    await makeTables(database.url);
    await database.query("GRANT USAGE ON SCHEMA build_watcher TO bot");
    await database.query("GRANT SELECT ON ALL TABLES IN SCHEMA build_watcher TO bot");
    expect((await look(asBot()))[0]?.detail).toMatch(/cannot read and write the table build_watcher\.\w+/);
    await database.query("GRANT ALL ON ALL TABLES IN SCHEMA build_watcher TO bot");
    const rights = (await look(asBot())).at(-1);
    expect(rights).toMatchObject({ check: "database rights", state: "warns", detail: expect.stringContaining("can make none") });
  });

  it("fails with tables of a newer version", async () => {
    await makeTables(database.url);
    await database.query("UPDATE build_watcher.versions SET version = 99");
    expect((await look(database.url))[0]?.detail).toMatch(/newer build-watcher/);
  });

  it("names the file that a Secret is mounted as", async () => {
    const directory = mkdtempSync(join(tmpdir(), "database-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "uri");
    writeFileSync(file, `${asBot("wrong")}\n`);
    const environment = { BUILD_WATCHER_DATABASE_URL_FILE: file, KUBERNETES_SERVICE_HOST: "10.0.0.1", HOME: "/" };
    const { config } = loadConfig({ flags: {}, environment });
    const [finding] = await checkDatabase(config, { set: setCommandFor({ environment, flags: {} }), environment });
    expect(finding?.mend).toBe(`correct the Secret that is mounted as ${file}`);
  });

  it("has nothing to say where jobs lie in a file", async () => {
    const { config } = loadConfig({ flags: {}, environment: { HOME: "/" } });
    expect(await checkDatabase(config, { set: () => "", environment: {} })).toEqual([]);
  });
});

describePostgres("check of a database that takes no writes", () => {
  it("fails", async () => {
    const server = await startPostgres();
    const { url } = await server.createDatabase();
    await server.setReadOnly(true);
    expect((await look(url))[0]?.detail).toMatch(/takes no writes: it is read-only/);
    await server.close();
  });
});

describePooler("check of a database behind a pooler in transaction mode", () => {
  it("notices it, and is well", async () => {
    const server = await sharedPostgres();
    const [pooler, database] = [await startPooler(server), await server.createDatabase()];
    const findings = await look(pooler.urlOf(database));
    expect(findings[0]?.detail).toMatch(/A pooler gives each transaction a connection, which is fine/);
    expect(await states(pooler.urlOf(database))).toEqual(["ok database", "ok database TLS", "ok database rights"]);
    await pooler.close();
    await database.drop();
  });
});
