import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { allPools } from "../../src/queue/dispatching/pools.ts";
import { openLedger } from "../../src/queue/embedded/ledger/ledger.ts";
import { migrate } from "../../src/queue/embedded/migrations.ts";
import { LedgerError, openEmbeddedQueue } from "../../src/queue/index.ts";
import type { JobQueue } from "../../src/queue/job-queue.ts";
import { temporaryDirectory } from "./embedded-storage.ts";
import { buildJob, heldHandler, nothing } from "./jobs.ts";

/** Where a link of /proc leads, or nothing if it is gone. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

describe("the ledger's file", () => {
  let root: string;
  let directory: string;
  let file: string;
  const queues: JobQueue[] = [];

  function open(overrides: { exclusive?: boolean; maximumPages?: number; directory?: string } = {}): JobQueue {
    const queue = openEmbeddedQueue({ directory, workers: 1, jobTimeout: 60_000, giveUpAfter: 60_000, ...overrides });
    queues.push(queue);
    return queue;
  }

  function refusal(overrides: Parameters<typeof open>[0] = {}): LedgerError {
    try {
      open(overrides);
    } catch (error) {
      if (error instanceof LedgerError) return error;
      throw error;
    }
    throw new Error("it was opened");
  }

  beforeEach(() => {
    root = temporaryDirectory();
    directory = join(root, "deep", "state");
    file = join(directory, "ledger.db");
  });
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
    await rm(root, { recursive: true });
  });

  it("can be read only by its owner, and so can its directory", async () => {
    await open().add(buildJob(1));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of ["ledger.db", "ledger.db-wal", "ledger.db-shm", "bot.lock"]) {
      expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o600);
    }
  });

  it("survives a power cut by default", () => {
    const ledger = openLedger({ directory, exclusive: true, synchronous: "full" });
    expect(ledger.connection.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    expect(ledger.connection.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    ledger.close();
  });

  it("writes nothing outside its directory, however much a transaction changes", () => {
    const ledger = openLedger({ directory, exclusive: true, synchronous: "full" });
    const wanted = { analyzer: "thoth", room: allPools, kind: "jobs", limit: 200, running: new Map() } as const;
    ledger.connection.exec("BEGIN IMMEDIATE");
    for (let number = 0; number < 200; number++) ledger.add(buildJob(number), 1);
    for (const claim of ledger.claim(wanted, 2)) ledger.settle(claim, { outcome: "done", result: nothing }, 3);
    const opened = readdirSync("/proc/self/fd").map((fd) => linkOf(`/proc/self/fd/${fd}`));
    expect(opened).toContain(file);
    expect(opened.filter((path) => path.includes("etilqs"))).toEqual([]);
    ledger.connection.exec("COMMIT");
    expect(ledger.counts()).toMatchObject({ done: 200 });
    ledger.close();
  });

  it("ignores the end of an attempt whose claim is no longer valid", () => {
    const ledger = openLedger({ directory, exclusive: true, synchronous: "full" });
    const wanted = { analyzer: "thoth", room: allPools, kind: "jobs", limit: 1, running: new Map() } as const;
    ledger.add(buildJob(1), 1);
    const [first] = ledger.claim(wanted, 2);
    ledger.recover(3, () => 0);
    const [second] = ledger.claim(wanted, 4);
    if (!first || !second) throw new Error("nothing was claimed");
    expect(ledger.settle(first, { outcome: "done", result: nothing }, 5)).toBeUndefined();
    expect(ledger.find("build-uid-1")).toMatchObject({ state: "running", attempts: 2 });
    expect(ledger.settle(second, { outcome: "done", result: nothing }, 6)).toMatchObject({ state: "done", updatedAt: 6 });
    expect(ledger.settle(second, { outcome: "interrupted" }, 7)).toBeUndefined();
    ledger.close();
  });

  describe("a second bot on the directory", () => {
    it("gets an error, and takes over when the first one ends", async () => {
      const first = open();
      await first.add(buildJob(1));
      expect(refusal().message).toMatch(/another bot is working in this directory.*BUILD_WATCHER_STATE_DIR/);
      expect(refusal().message).toContain(directory);
      expect(await first.add(buildJob(2))).toBe("added");
      expect(refusal().message).toMatch(/another bot/);
      await first.close();
      expect((await open().counts()).waiting).toBe(2);
    });

    it("can open it next to the first one, and does not take over what runs there", async () => {
      const first = open();
      const { promise: release, resolve } = Promise.withResolvers<void>();
      first.work(() => release.then(() => nothing));
      await first.add(buildJob(1));
      const beside = open({ exclusive: false });
      await expect.poll(async () => (await beside.counts()).running).toBe(1);
      resolve();
      await first.idle();
      expect((await beside.counts()).done).toBe(1);
    });
  });

  describe("that cannot be used", () => {
    const cases: readonly (readonly [string, () => void, RegExp])[] = [
      [
        "text",
        () => writeFileSync(file, "not a database, but long enough to look like one".repeat(100)),
        /is no SQLite database/,
      ],
      ["damaged pages", () => damage(), /is damaged/],
      ["another program's database", () => foreign(), /another program/],
      ["a newer version's", () => newer(), /newer build-watcher \(schema 9999; this one knows \d+\)/],
    ];

    function damage(): void {
      const database = new DatabaseSync(file);
      migrate(database, file);
      database.close();
      const bytes = readFileSync(file);
      bytes.fill(0xaa, 100, 4_096);
      writeFileSync(file, bytes);
    }

    function foreign(): void {
      const database = new DatabaseSync(file);
      database.exec("CREATE TABLE notes (a)");
      database.close();
    }

    function newer(): void {
      const database = new DatabaseSync(file);
      database.exec("PRAGMA journal_mode = WAL");
      migrate(database, file);
      database.exec("PRAGMA user_version = 9999");
      database.close();
    }

    it.each(cases)("is left as it is: %s", (_name, prepare, words) => {
      mkdirSync(directory, { recursive: true });
      prepare();
      const before = readFileSync(file);
      for (const exclusive of [true, false]) {
        const { message } = refusal({ exclusive });
        expect(message).toMatch(words);
        expect(message).toContain(file);
        expect(message).toContain("BUILD_WATCHER_STATE_DIR");
        expect(message).toContain("Nothing was changed");
      }
      expect(readFileSync(file).equals(before)).toBe(true);
      expect(existsSync(`${file}-wal`)).toBe(false);
    });

    it("can be replaced once it was moved away, because the lock is free", async () => {
      mkdirSync(directory, { recursive: true });
      writeFileSync(file, "x".repeat(5_000));
      refusal();
      await rm(file);
      expect(await open().add(buildJob(1))).toBe("added");
    });

    it("is named when a file is in the directory's place", () => {
      writeFileSync(join(root, "deep"), "");
      const { message } = refusal();
      expect(message).toMatch(/there is a file where a directory is needed.*BUILD_WATCHER_STATE_DIR/);
      expect(message).toContain(directory);
    });

    it.runIf(existsSync("/proc/self"))("is named when its directory cannot be written, even by root", () => {
      expect(refusal({ directory: "/proc/self" }).message).toMatch(/\/proc\/self.*BUILD_WATCHER_STATE_DIR/);
    });

    it.skipIf(process.getuid?.() === 0)("is named when its directory is read-only", () => {
      mkdirSync(directory, { recursive: true, mode: 0o500 });
      expect(refusal().message).toMatch(/access was denied.*BUILD_WATCHER_STATE_DIR/);
      chmodSync(directory, 0o700);
    });
  });

  describe("on a full disk", () => {
    it("refuses what it cannot keep, ends the queue, and loses nothing it has confirmed", async () => {
      const queue = open({ maximumPages: 60 });
      const { handle } = heldHandler();
      queue.work(handle);
      const ended = expect(queue.ended).rejects.toThrow(/the disk is full/);
      await queue.add(buildJob(100_000));
      const idle = expect(queue.idle()).rejects.toThrow(/the disk is full/);
      let kept = 0;
      const error = await addUntilRefused(queue, () => {
        kept += 1;
      });
      expect(error).toBeInstanceOf(LedgerError);
      expect(error.message).toMatch(/ledger\.db: the disk is full.*BUILD_WATCHER_STATE_DIR/);
      await Promise.all([ended, idle]);
      await expect(queue.idle()).rejects.toThrow(/the disk is full/);
      await expect(queue.retry("build-uid-1")).rejects.toThrow(/the disk is full/);
      expect(kept).toBeGreaterThan(10);
    });

    it("continues once there is space", async () => {
      const queue = open({ maximumPages: 60 });
      let kept = 0;
      await addUntilRefused(queue, () => {
        kept += 1;
      });
      await queue.close();
      const after = open();
      expect((await after.counts()).waiting).toBe(kept);
      expect(await after.add(buildJob(100_000))).toBe("added");
    });

    it("does not start", async () => {
      expect(refusal({ maximumPages: 3 }).message).toMatch(/the disk is full/);
      expect((await open().counts()).waiting).toBe(0);
    });

    async function addUntilRefused(queue: JobQueue, added: () => void): Promise<LedgerError> {
      try {
        for (let number = 0; number < 10_000; number += 1) {
          await queue.add(buildJob(number));
          added();
        }
      } catch (error) {
        return error as LedgerError;
      }
      throw new Error("the disk was never full");
    }
  });

  it("ends the queue when it is damaged while the queue works", async () => {
    const queue = open();
    queue.work(async () => nothing);
    const ended = expect(queue.ended).rejects.toThrow(LedgerError);
    const other = new DatabaseSync(file);
    other.exec("DROP TABLE counts");
    other.close();
    await expect(queue.add(buildJob(1))).rejects.toThrow(file);
    await ended;
  });

  it.each<readonly [string, () => void]>([
    ["deleted", () => rmSync(directory, { recursive: true })],
    ["moved away", () => renameSync(directory, join(root, "elsewhere"))],
    ["replaced", () => renameSync(join(directory, "bot.lock"), file)],
  ])("takes nothing more in and ends the queue when it is %s while the queue works", async (_name, act) => {
    const queue = open();
    queue.work(async () => nothing);
    const ended = expect(queue.ended).rejects.toThrow(/ledger\.db: it was deleted, moved or replaced/);
    await queue.add(buildJob(1));
    act();
    await expect(queue.add(buildJob(2))).rejects.toThrow(/deleted, moved or replaced/);
    await ended;
  });

  it("says so when it is used after it was closed", async () => {
    const queue = open();
    await queue.close();
    await expect(queue.retry("x")).rejects.toThrow(/ledger\.db: the queue is closed/);
    await expect(queue.counts()).rejects.toThrow(LedgerError);
  });
});
