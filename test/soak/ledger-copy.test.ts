import { rmSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { migrate, openDatabase } from "../../src/postgres/index.ts";
import { type LedgerEnd, openDatabaseEnd, openEmbeddedQueue, openLedgerEnd } from "../../src/queue/index.ts";
import { queueSchema } from "../../src/queue/postgres/schema/index.ts";
import { temporaryDirectory } from "../queue/embedded-storage.ts";
import { buildJob, result } from "../queue/jobs.ts";
import { startBotProcess } from "../support/bot-process.ts";
import { describePostgres, sharedPostgres } from "../support/postgres.ts";

const jobs = 500;
const done = 50;

/** A ledger of jobs that are done and jobs that wait. */
async function makeLedger(): Promise<string> {
  const directory = temporaryDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const queue = openEmbeddedQueue({ directory, workers: 5, jobTimeout: 60_000, giveUpAfter: 60_000 });
  await Promise.all(Array.from({ length: done }, (_, number) => queue.add(buildJob(number))));
  queue.work(async () => result);
  await queue.idle();
  await queue.stop(0);
  await Promise.all(Array.from({ length: jobs - done }, (_, number) => queue.add(buildJob(done + number))));
  await queue.close();
  return directory;
}

/** What a ledger knows of its jobs, whatever their numbers there. */
async function contentOf(opening: LedgerEnd | Promise<LedgerEnd>): Promise<readonly object[]> {
  const end = await opening;
  try {
    const kept = await end.jobs("submit", 0, 10 * jobs);
    return kept.map(({ number: _, ...job }) => job).toSorted((one, other) => String(one.id).localeCompare(String(other.id)));
  } finally {
    await end.close();
  }
}

describePostgres("a copy of a ledger that is killed half-way", () => {
  it("is finished by the next one: nothing is missing and nothing is there twice", async () => {
    const directory = await makeLedger();
    const made = await (await sharedPostgres()).createDatabase();
    const database = openDatabase({ url: made.url });
    await migrate(database, queueSchema);
    await database.close();
    await made.query(`
      CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
      CREATE TRIGGER hang BEFORE INSERT ON build_watcher.jobs FOR EACH ROW WHEN (NEW.id = 'build-uid-${jobs - 100}') EXECUTE FUNCTION hang()`);
    const environment = { BUILD_WATCHER_DATABASE_URL: made.url, BUILD_WATCHER_STATE_DIR: directory };
    const copy = () => startBotProcess(environment, { argv: ["ledger", "copy", "sqlite", "postgresql"] });
    const copied = async () => Number((await made.query("SELECT count(*) AS n FROM build_watcher.jobs"))[0]?.n);

    await using killed = copy();
    await expect.poll(copied).toBeGreaterThan(0);
    await killed.kill("SIGKILL");
    await made.disconnect();
    const half = await copied();
    expect(half).toBeLessThan(jobs);
    await made.query("DROP TRIGGER hang ON build_watcher.jobs");
    await using second = copy();
    expect(await second.exited, second.stderr()).toMatchObject({ code: 0 });
    expect(second.stdout()).toMatch(new RegExp(`^${jobs - half} jobs`));
    expect(await copied()).toBe(jobs);
    expect(await contentOf(openDatabaseEnd(openDatabase({ url: made.url })))).toEqual(await contentOf(openLedgerEnd(directory)));
  });
});
