import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Job } from "../../src/core/jobs/job.ts";
import { allPools } from "../../src/queue/dispatching/pools.ts";
import { createGroupCommit } from "../../src/queue/embedded/group-commit.ts";
import { openLedger } from "../../src/queue/embedded/ledger/ledger.ts";
import type { Wanted } from "../../src/queue/embedded/ledger/wanted.ts";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import type { JobResult } from "../../src/queue/job-queue.ts";
import { buildJob } from "../queue/jobs.ts";
import { type Measurement, quantile } from "./measurement.ts";

const jobs = 100_000;
/** Jobs that share a transaction: what a page of a list, or a burst of ended jobs, amounts to. */
const batch = 100;
const round = 10_000;
const result: JobResult = {
  output: "registry.example/a/b@sha256:00",
  analyses: [{ of: "output", id: "a-1", cached: false }],
  notes: [],
};

/** Measures the ledger against node:sqlite itself, and how the time to open it depends on what lies in it. */
export async function benchLedger(): Promise<readonly Measurement[]> {
  return [await measureThroughput(), await measureOpening()];
}

/** Both do the same work in turns, on files of their own, so that the machine's moods fall on both. */
async function measureThroughput(): Promise<Measurement> {
  return inDirectories(async ([ours, raw]) => {
    const ledger = throughLedger(ours);
    const sqlite = throughSqlite(raw);
    let ledgerTime = 0;
    let sqliteTime = 0;
    for (let first = 0; first < jobs; first += round) {
      const work = Array.from({ length: round }, (_, index) => buildJob(first + index));
      sqliteTime += await timed(() => sqlite.cycle(work));
      ledgerTime += await timed(() => ledger.cycle(work));
    }
    ledger.close();
    sqlite.close();
    return {
      name: "ledger operations per second / raw node:sqlite",
      ratio: sqliteTime / ledgerTime,
      bound: { min: 0.7 },
      detail: `${perSecond(3 * jobs, ledgerTime)} / ${perSecond(3 * jobs, sqliteTime)} per second, ${jobs} jobs added, claimed and completed`,
    };
  });
}

interface Contestant {
  /** Adds, claims and completes these jobs. */
  cycle(work: readonly Job[]): Promise<void>;
  close(): void;
}

const wanted = (limit: number): Wanted => ({ analyzer: "thoth", room: allPools, kind: "jobs", limit, running: new Map() });

function throughLedger(directory: string): Contestant {
  const ledger = openLedger({ directory, exclusive: true, synchronous: "full" });
  const failed = (error: unknown) => {
    throw error;
  };
  const commit = createGroupCommit(ledger.connection, { committed: () => undefined, failed });
  return {
    close: ledger.close,
    async cycle(work) {
      for (let first = 0; first < work.length; first += batch) {
        await Promise.all(work.slice(first, first + batch).map((job) => commit.run(() => ledger.add(job, Date.now()))));
      }
      for (let ended = 0; ended < work.length; ended += batch) {
        const claims = await commit.run(() => ledger.claim(wanted(batch), Date.now()));
        const settle = claims.map((claim) => commit.run(() => ledger.settle(claim, { outcome: "done", result }, Date.now())));
        await Promise.all(settle);
      }
    },
  };
}

/** The same statements on the same schema, by hand. */
function throughSqlite(directory: string): Contestant {
  openLedger({ directory, exclusive: true, synchronous: "full" }).close();
  const database = new DatabaseSync(join(directory, "ledger.db"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  const insert = database.prepare(
    `INSERT INTO jobs (id, group_id, analyzer, tenant, job, pool, lane, covers, due_at, created_at, updated_at, seen_at)
     VALUES (?1, ?1, ?2, ?3, ?4, 0, 0, ?5, ?6, ?6, ?6, ?6) ON CONFLICT (id) DO NOTHING`,
  );
  const claim = database.prepare(
    `UPDATE jobs SET state = 'running', claim = ?1, due_at = NULL, attempts = attempts + 1, updated_at = ?2 WHERE number IN
       (SELECT number FROM jobs WHERE state = 'waiting' AND pool = 0 AND lane = 0 AND due_at <= ?2 ORDER BY due_at, number LIMIT ?3)
     RETURNING number, job, failures, failing_since, pool`,
  );
  const complete = database.prepare(
    `UPDATE jobs SET state = 'done', claim = NULL, updated_at = ?3, error_reason = NULL, error_message = NULL, crashes = 0,
       result = coalesce(?4, result), covers = coalesce(covers, ?5) WHERE number = ?1 AND claim = ?2 RETURNING *`,
  );

  function transaction(run: () => void): void {
    database.exec("BEGIN IMMEDIATE");
    run();
    database.exec("COMMIT");
  }

  return {
    close: () => database.close(),
    async cycle(work) {
      for (let first = 0; first < work.length; first += batch) {
        transaction(() => {
          for (const job of work.slice(first, first + batch)) {
            const covers = `registry.example/a/b@${job.id}`;
            insert.run(job.id, job.analyzer, job.build?.namespace ?? "", JSON.stringify(job), covers, Date.now());
          }
        });
      }
      for (let ended = 0; ended < work.length; ended += batch) {
        let rows: Record<string, unknown>[] = [];
        transaction(() => {
          rows = claim.all("token", Date.now(), batch);
        });
        transaction(() => {
          for (const { number } of rows) {
            complete.get(Number(number), "token", Date.now(), JSON.stringify(result), null);
          }
        });
      }
    },
  };
}

async function measureOpening(): Promise<Measurement> {
  return inDirectories(async ([full, empty]) => {
    await openOnce(empty, 0);
    fill(full);
    const times = { full: [] as number[], empty: [] as number[] };
    for (let turn = 1; turn <= 15; turn += 1) {
      times.full.push(await openOnce(full, jobs + turn));
      times.empty.push(await openOnce(empty, jobs + turn));
    }
    const [fullTime, emptyTime] = [quantile(times.full, 0.5), quantile(times.empty, 0.5)];
    return {
      name: "open a ledger of 100,000 ended jobs / open an empty one",
      ratio: fullTime / emptyTime,
      bound: { max: 2 },
      detail: `${fullTime.toFixed(1)} / ${emptyTime.toFixed(1)} ms until it is ready`,
    };
  });
}

/** The time to open and be ready, which is when a first job is on disk. */
async function openOnce(directory: string, number: number): Promise<number> {
  const began = performance.now();
  const queue = openEmbeddedQueue({ directory, workers: 16, jobTimeout: 60_000, giveUpAfter: 60_000 });
  queue.work(async () => result);
  await queue.add(buildJob(number));
  const milliseconds = performance.now() - began;
  await queue.close();
  return milliseconds;
}

function fill(directory: string): void {
  const ledger = openLedger({ directory, exclusive: true, synchronous: "normal" });
  ledger.connection.exec("BEGIN");
  for (let number = 0; number < jobs; number += 1) ledger.add(buildJob(number), number);
  for (const claim of ledger.claim(wanted(jobs), jobs)) ledger.settle(claim, { outcome: "done", result }, jobs);
  ledger.connection.exec("COMMIT");
  ledger.close();
}

async function inDirectories<T>(run: (directories: readonly [string, string]) => Promise<T>): Promise<T> {
  const root = mkdtempSync(join(tmpdir(), "build-watcher-bench-"));
  try {
    return await run([join(root, "one"), join(root, "other")]);
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function timed(run: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

function perSecond(count: number, milliseconds: number): number {
  return Math.round((count / milliseconds) * 1_000);
}
