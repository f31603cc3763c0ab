import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import { type Database, type DatabaseError, openDatabase } from "../../src/postgres/index.ts";
import { type JobQueue, QueueUnavailableError } from "../../src/queue/job-queue.ts";
import { openPostgresQueue } from "../../src/queue/postgres/queue.ts";
import { describePostgres, type PostgresServer, sharedPostgres, type TestDatabase } from "../support/postgres.ts";
import { buildJob, result } from "./jobs.ts";

describePostgres("a queue whose database is away", () => {
  let server: PostgresServer;
  let made: TestDatabase;
  const closing: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    server = await sharedPostgres();
    made = await server.createDatabase();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await made.drop();
  });

  const asBot = (password: string) => made.url.replace("postgres@", `bot:${password}@`);

  function handle(url: string): Database {
    const database = openDatabase({ url });
    closing.push(() => database.close());
    return database;
  }

  async function open(url = made.url): Promise<JobQueue> {
    const database = handle(url);
    const queue: JobQueue = await openPostgresQueue({
      database,
      queue: "submit",
      workers: 4,
      jobTimeout: 60_000,
      giveUpAfter: 60_000,
    });
    closing.push(() => queue.close());
    return queue;
  }

  async function failure(work: Promise<unknown>): Promise<DatabaseError> {
    return work.then(
      () => expect.unreachable(),
      (error) => error,
    );
  }

  it("is not opened when a person has to fix something first, and says what", async () => {
    expect(await failure(open(asBot("wrong")))).toMatchObject({ fault: "setup", message: expect.stringContaining("password") });
    expect(await failure(open(asBot("secret")))).toMatchObject({
      fault: "setup",
      message: expect.stringContaining("lacks a right"),
    });
    await (await open()).close();
    await made.query("UPDATE build_watcher.versions SET version = 99 WHERE part = 'queue'");
    expect(await failure(open())).toMatchObject({ fault: "setup", message: expect.stringContaining("newer build-watcher") });
  });

  it("runs each job once and loses none, though the server is restarted and crashes meanwhile", async () => {
    const runs = new Map<string, number>();
    const queues = [await open(), await open()];
    for (const queue of queues) {
      queue.work(async ({ id }) => {
        runs.set(id, (runs.get(id) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        return result;
      });
    }
    const added: Promise<string>[] = [];
    const adding = setInterval(() => {
      for (const queue of queues) {
        const add = queue.add(buildJob(Math.floor(added.length / 2)));
        add.catch(() => undefined);
        added.push(add);
      }
    }, 50);
    onTestFinished(() => clearInterval(adding));
    for (const how of ["fast", "immediate"] as const) {
      await expect.poll(() => runs.size).toBeGreaterThan(10);
      await server.restart(how);
      await made.disconnect();
      const before = runs.size;
      await expect.poll(() => runs.size).toBeGreaterThan(before);
    }
    clearInterval(adding);
    await Promise.all(added);
    await Promise.all(queues.map((queue) => queue.idle()));
    expect(runs.size).toBe(Math.ceil(added.length / 2));
    expect(await queues[0]?.counts()).toMatchObject({ done: runs.size, failed: 0 });
    expect(Math.max(...runs.values())).toBe(1);
  });

  it.each([
    ["takes no writes", () => server.setReadOnly(true), () => server.setReadOnly(false)],
    [
      "has no connection left",
      async () => {
        await server.query(`ALTER DATABASE ${made.name} CONNECTION LIMIT 0`);
        await server.query("ALTER ROLE bot NOSUPERUSER");
        await made.disconnect();
      },
      () => server.query(`ALTER DATABASE ${made.name} CONNECTION LIMIT -1`),
    ],
  ])("waits while the server %s, says so, and goes on by itself", async (words, hurt, heal) => {
    await server.query(`ALTER DATABASE ${made.name} OWNER TO bot`);
    const queue = await open(asBot("secret"));
    queue.work(async () => result);
    await hurt();
    const added = queue.add(buildJob(1));
    await expect.poll(() => queue.trouble()?.message).toContain(words);
    expect(await failure(queue.retry("build-uid-1"))).toBeInstanceOf(QueueUnavailableError);
    await heal();
    expect(await added).toBe("added");
    await queue.idle();
    expect(await queue.find("build-uid-1")).toMatchObject({ state: "done", result });
    expect(queue.trouble()).toBeUndefined();
  });

  it("ends for good when its tables are taken away", async () => {
    const queue = await open();
    const ended = expect(queue.ended).rejects.toThrow(/refused a statement/);
    queue.work(async () => result);
    await made.query("DROP SCHEMA build_watcher CASCADE");
    await ended;
  });
});
