import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { JobError, SetupError } from "../../../../src/core/jobs/errors.ts";
import type { PackageStore } from "../../../../src/inventory/store/package-store.ts";
import { packContent } from "../../../../src/inventory/store/sqlite/packed-content.ts";
import { openThreadStore } from "../../../../src/inventory/store/sqlite/thread-store.ts";
import { fakeClock } from "../../../support/fake-clock.ts";
import { describePooler, describePostgres, sharedPostgres, startPooler, type TestDatabase } from "../../../support/postgres.ts";
import { content, describePackageStore, digest, rpm, type StoreStorage } from "../package-store.contract.ts";

/** A replica's own directory, and a database that it shares. */
function replicaOf(url: string): StoreStorage {
  const clock = fakeClock();
  const directory = mkdtempSync(join(tmpdir(), "store-"));
  return {
    clock,
    open: (layerCache = 1_000_000) => openThreadStore({ directory, layerCache, database: { url }, clock }),
    dispose: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

const tables = ["images", "image_contents", "contents", "packages", "found"].map((name) => `build_watcher.${name}`);
let made: TestDatabase | undefined;

afterAll(() => made?.drop());

/** A database of these tests', emptied: that takes less time than a new one. */
async function emptyDatabase(): Promise<TestDatabase> {
  made ??= await (await sharedPostgres()).createDatabase();
  const deletions = tables.map((table) => `DELETE FROM ${table};`).join(" ");
  await made.query(`DO $$ BEGIN IF to_regclass('${tables[0]}') IS NOT NULL THEN ${deletions} END IF; END $$`);
  return made;
}

describePackageStore(describePostgres, "the store of packages in PostgreSQL", async () => replicaOf((await emptyDatabase()).url));

describePostgres("the packages of several replicas", () => {
  let database: TestDatabase;
  let replicas: readonly StoreStorage[];
  let stores: readonly [PackageStore, PackageStore];

  beforeEach(async () => {
    database = await (await sharedPostgres()).createDatabase();
    replicas = [replicaOf(database.url), replicaOf(database.url)];
    // Both make the tables at once.
    const [one, other] = await Promise.all(replicas.map((replica) => replica.open()));
    stores = [one as PackageStore, other as PackageStore];
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(replicas.map((replica) => replica.dispose()));
    await database.drop();
  });

  const packed = (number: number, version: string) =>
    packContent(
      content(
        number,
        Array.from({ length: 50 }, (_, at) => rpm(`package-${at}`, version)),
      ),
    );

  it("are answered by any of them, what was read of layers only by its own", async () => {
    const [one, other] = stores;
    await one.keepImage(digest(1), [packed(1, "1-1")], true);
    await one.keepLayer(digest(5), Buffer.from("layer"));
    expect((await other.find({ name: "package-7" }, 10)).matches.map(({ image }) => image)).toEqual([digest(1)]);
    expect(await other.isSettled(digest(1))).toBe(true);
    expect(await other.layer(digest(5))).toBeUndefined();
  });

  it("are whole when replicas keep and forget the same images at once", async () => {
    const acts = Array.from({ length: 24 }, async (_, at) => {
      const store = stores[at % 2 === 0 ? 0 : 1];
      const image = 1 + (at % 3);
      await store.keepImage(digest(image), [packed(7, `${at % 2}-1`), packed(10 + image, "2-1")], true);
      if (at % 5 === 0) await store.forget([digest(image)]);
    });
    await Promise.all(acts);
    for (const [image, store] of [1, 2, 3].map((image) => [image, stores[0]] as const))
      await store.keepImage(digest(image), [packed(7, "9-1"), packed(10 + image, "2-1")], true);
    const { matches } = await stores[1].find({ name: "package-3" }, 100);
    // The shared content lies in three images, and each has one of its own.
    expect(matches.map((match) => match.package.version).toSorted()).toEqual(["2-1", "2-1", "2-1", "9-1", "9-1", "9-1"]);
    await stores[1].forget([digest(1), digest(2), digest(3)]);
    const left = await database.query(
      "SELECT (SELECT count(*) FROM build_watcher.found) + (SELECT count(*) FROM build_watcher.packages) + (SELECT count(*) FROM build_watcher.contents) AS rows",
    );
    expect(Number(left[0]?.rows)).toBe(0);
  });

  it("keep any name that a hostile image has", async () => {
    const names = ["nul\0byte", "x".repeat(10_000), "half \uD800", "quote'\"\\", "É".repeat(3_000)];
    const packages = names.map((name) => rpm(name, `1${name}`));
    await stores[0].keepImage(digest(1), [packContent(content(1, packages))], true);
    expect(await stores[1].packages(digest(1), 10)).toHaveLength(5);
    for (const name of names)
      expect((await stores[1].find({ name: name.replace("\0", "\uFFFD") }, 10)).matches.length).toBeGreaterThan(0);
  });

  it("are out of reach while the database is, say so, and come back by themselves", async () => {
    const [one] = stores;
    await one.keepImage(digest(1), [packed(1, "1-1")], true);
    await (await sharedPostgres()).restart("immediate", async () => {
      const failure = await one.isSettled(digest(1)).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(JobError);
      expect(failure).toMatchObject({ reason: "DatabaseUnavailable", retryable: true });
    });
    await expect.poll(() => one.isSettled(digest(1)).catch(() => false)).toBe(true);
  });
});

describePostgres("a database that cannot be used for packages", () => {
  it("stops the start if a person has to change something, and names the setting", async () => {
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    const open = (url: string) => replicaOf(url).open();
    const asBot = (password: string) => open(database.url.replace("postgres@", `bot:${password}@`));
    await expect(asBot("wrong")).rejects.toThrow(SetupError);
    await expect(asBot("wrong")).rejects.toThrow(/password is wrong.*BUILD_WATCHER_DATABASE_URL/);
    await expect(asBot("secret")).rejects.toThrow(/lacks a right/);
    await expect(open(`${database.url}_missing`)).rejects.toThrow(/does not exist/);
    await (await open(database.url)).close();
    await database.query("UPDATE build_watcher.versions SET version = 99 WHERE part = 'packages'");
    await expect(open(database.url)).rejects.toThrow(/newer build-watcher/);
    await database.drop();
  });
});

describePooler("the store of packages behind a pooler in transaction mode", () => {
  it("is as good", async () => {
    const pooler = await startPooler(await sharedPostgres());
    const storage = replicaOf(pooler.urlOf(await emptyDatabase()));
    const store = await storage.open();
    await store.keepImage(digest(1), [packContent(content(1, [rpm("bash", "5.1-1")]))], true);
    expect((await store.find({ name: "bash" }, 10)).matches).toHaveLength(1);
    await store.close();
    await storage.dispose();
    await pooler.close();
  });
});
