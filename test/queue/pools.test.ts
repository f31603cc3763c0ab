import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import type { Job } from "../../src/core/jobs/job.ts";
import { migrate, versions } from "../../src/queue/embedded/migrations.ts";
import type { JobQueue } from "../../src/queue/job-queue.ts";
import { settle } from "../support/fake-clock.ts";
import { type EmbeddedStorage, embeddedStorage } from "./embedded-storage.ts";
import { buildJob, type HeldHandler, heldHandler, nothing, scanJob } from "./jobs.ts";

const minute = 60_000;
const hour = 60 * minute;

/** Jobs from 100 on are slow. */
function isSlow({ id, output }: Job): boolean {
  const name = output?.kind === "reference" ? output.reference.repository : id;
  return Number(/\d+$/.exec(name)?.[0]) >= 100;
}

const down = () => new JobError("AnalyzerUnavailable", "connect ECONNREFUSED");

describe("slow jobs and others", () => {
  let storage: EmbeddedStorage;
  let settings: { isSlow?: typeof isSlow | undefined };
  let queue: JobQueue;
  let handler: HeldHandler;

  async function open(changes: { isSlow?: typeof isSlow | undefined; workers?: number } = {}): Promise<void> {
    settings.isSlow = "isSlow" in changes ? changes.isSlow : isSlow;
    queue = await storage.open({ workers: changes.workers ?? 2, jobTimeout: hour, giveUpAfter: 24 * hour });
    handler = heldHandler();
  }

  async function start(): Promise<void> {
    queue.work(handler.handle);
    await settle();
  }

  async function add(...jobs: readonly Job[]): Promise<void> {
    for (const job of jobs) {
      await queue.add(job);
      await storage.clock.advance(1);
    }
  }

  const running = () => handler.open().map(({ job }) => numberOf(job));
  const numberOf = ({ output }: Job) =>
    Number(output?.kind === "reference" ? /\d+$/.exec(output.reference.repository)?.[0] : undefined);
  const end = async (number: number) => {
    handler
      .open()
      .find(({ job }) => numberOf(job) === number)
      ?.finish();
    await settle();
  };
  const failAll = async () => {
    for (const run of handler.open()) run.fail(down());
    await settle();
  };

  beforeEach(() => {
    settings = {};
    storage = embeddedStorage(settings);
  });
  afterEach(() => storage.dispose());

  it("have separate places, so that hanging jobs of one kind do not block the other", async () => {
    await open();
    await start();
    await add(buildJob(100), buildJob(101), buildJob(102), buildJob(1));
    expect(running()).toEqual([100, 101, 1]);
    await add(buildJob(2), buildJob(3), buildJob(4));
    expect(running()).toEqual([100, 101, 1, 2]);
    await end(1);
    expect(running()).toEqual([100, 101, 2, 3]);
    await end(100);
    expect(running()).toEqual([101, 2, 3, 102]);
    await storage.clock.advance(10 * minute);
    expect(running()).toEqual([101, 2, 3, 102]);
  });

  it("share all places if no job is slow by the settings", async () => {
    await open({ isSlow: undefined });
    await start();
    await add(buildJob(100), buildJob(1), buildJob(2), buildJob(101));
    expect(running()).toEqual([100, 1]);
  });

  it("run live jobs before scanned ones within each kind", async () => {
    await open({ workers: 1 });
    await add(scanJob(100), scanJob(1), buildJob(101), buildJob(2));
    await start();
    expect(running()).toEqual([2, 101]);
    await end(2);
    expect(running()).toEqual([101, 1]);
    await end(101);
    expect(running()).toEqual([1, 100]);
  });

  it("are retried when they are due, even if slow ones have waited for a place for long", async () => {
    await open({ workers: 1 });
    await start();
    await add(buildJob(100), buildJob(101), buildJob(1));
    handler.runs[1]?.fail(new JobError("RegistryUnavailable", "503", { retryAfter: 7_300 }));
    await settle();
    const { dueAt = 0 } = (await queue.find("build-uid-1")) ?? {};
    await storage.clock.advance(dueAt - storage.clock.now() - 1);
    expect(running()).toEqual([100]);
    await storage.clock.advance(1);
    expect(running()).toEqual([100, 1]);
  });

  it("cost nothing while due jobs find no place", async () => {
    await open({ workers: 1 });
    await start();
    await add(buildJob(100), buildJob(101), buildJob(102));
    let looks = 0;
    const { now } = storage.clock;
    storage.clock.now = () => {
      looks += 1;
      return now();
    };
    await storage.clock.advance(10_000);
    expect(looks).toBeGreaterThan(5);
    expect(looks).toBeLessThan(50);
  });

  describe("while the endpoint is down", () => {
    it("try one at a time between them, and all once it is up", async () => {
      await open();
      await start();
      await add(buildJob(100), buildJob(101), buildJob(102), buildJob(1), buildJob(2), buildJob(3));
      await failAll();
      for (let probe = 0; probe < 5; probe += 1) {
        await storage.clock.advance(2 * minute);
        expect(running()).toHaveLength(1);
        await failAll();
      }
      await storage.clock.advance(2 * minute);
      handler.open()[0]?.finish();
      await storage.clock.advance(minute);
      expect(running()).toHaveLength(4);
    });

    it("try one that is not slow first, because it answers sooner", async () => {
      await open();
      await start();
      await add(buildJob(1));
      await failAll();
      await add(buildJob(100), buildJob(2));
      await storage.clock.advance(2 * minute);
      expect(running()).toEqual([2]);
    });

    it("try one that finds a place while slow ones hang", async () => {
      await open();
      await start();
      await add(buildJob(100), buildJob(101), buildJob(102), buildJob(1));
      handler.runs[2]?.fail(down());
      await settle();
      await add(buildJob(2));
      await storage.clock.advance(2 * minute);
      expect(running()).toEqual([100, 101, 2]);
      await end(2);
      await storage.clock.advance(2 * minute);
      expect(await queue.find("build-uid-1")).toMatchObject({ state: "running", attempts: 2 });
    });
  });

  describe("when the bot comes back", () => {
    it("stay separate after a crash", async () => {
      await open();
      await start();
      await add(buildJob(100), buildJob(101), buildJob(102), buildJob(1));
      await storage.crash(queue);
      await open();
      await start();
      await add(buildJob(2), buildJob(3));
      expect(running().filter((number) => number < 100)).toEqual([1, 2]);
      expect(running().filter((number) => number >= 100)).toHaveLength(2);
    });

    it.each([
      ["from now on", undefined, isSlow, [1, 2, 100, 101]],
      ["no longer", isSlow, undefined, [100, 101]],
    ])("are told apart %s by other settings, and none is left behind", async (_name, before, after, expected) => {
      await open({ isSlow: before });
      await add(buildJob(100), buildJob(101), buildJob(102), buildJob(1), buildJob(2));
      await queue.close();
      await open({ isSlow: after });
      await start();
      expect(running()).toEqual(expected);
      queue.idle().catch(() => undefined);
      while (handler.open().length > 0) await end(running()[0] ?? 0);
      expect(await queue.counts()).toMatchObject({ done: 5, waiting: 0, running: 0 });
    });

    it("are separated by today's settings when the bot or another process retries them", async () => {
      await open({ isSlow: undefined });
      queue.work(async ({ id }) => {
        if (id === "build-uid-101") throw new JobError("ImageNotFound", "gone");
        return nothing;
      });
      await add(buildJob(100), buildJob(101), buildJob(1));
      await queue.close();
      await open({ workers: 1 });
      await start();
      const beside = await storage.openBeside();
      expect(await beside.retry("build-uid-101")).toBe(true);
      await storage.clock.advance(2_000);
      expect(await queue.retry("build-uid-100")).toBe(true);
      expect(await queue.retry("build-uid-1")).toBe(true);
      await settle();
      expect(running()).toEqual([101, 1]);
    });
  });

  it("run from a ledger that an earlier version wrote", async () => {
    mkdirSync(storage.directory(), { recursive: true });
    const file = join(storage.directory(), "ledger.db");
    const database = new DatabaseSync(file);
    migrate(database, file, versions.slice(0, 2));
    database.exec("PRAGMA journal_mode = WAL");
    const insert = database.prepare(
      "INSERT INTO jobs (id, job, lane, due_at, created_at, updated_at, seen_at) VALUES (?1, ?2, 0, 1, 1, 1, 1)",
    );
    for (const job of [buildJob(100), buildJob(101), buildJob(1)]) insert.run(job.id, JSON.stringify(job));
    database.close();
    await open({ workers: 1 });
    await start();
    expect(running()).toEqual([1, 100]);
    expect(await queue.firstDue()).toBe(1);
  });
});
