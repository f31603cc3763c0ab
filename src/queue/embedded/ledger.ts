import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { coveredImage, type Job } from "../../core/job.ts";
import { backoffDelay, jobBackoff } from "../../core/retry.ts";
import type { JobRecord, JobResult } from "../job-queue.ts";
import { type DatabaseSettings, openDatabase } from "./database.ts";
import { createRecords, type JobRow, type Records, recordColumns, toRecord } from "./records.ts";
import type { History, Verdict } from "./verdict.ts";

/** A job taken out to run. The token proves that it is still ours when its attempt ended. */
export interface Claim extends History {
  readonly job: Job;
  readonly number: number;
  readonly token: string;
}

/**
 * The jobs in their file. All calls are synchronous; the ones that write are single steps of a transaction that the caller holds.
 * Times are milliseconds since the epoch.
 */
export interface Ledger extends Records {
  readonly file: string;
  readonly connection: DatabaseSync;
  /** Throws `LedgerError` when the file is no longer where it was. */
  assertInPlace(): void;
  add(job: Job, now: number): "added" | "already-known";
  /** Takes out up to so many due jobs: live ones first, scanned ones next, then those the bot crashed under; each kind oldest first. */
  claim(limit: number, now: number): readonly Claim[];
  /** Takes out one due job to try an endpoint that was down: the one least likely to be at fault itself. */
  claimProbe(now: number): readonly Claim[];
  /** Records what became of a claimed job; undefined when the claim no longer holds. */
  settle(claim: Claim, verdict: Verdict, now: number): JobRecord | undefined;
  /** Makes jobs wait again that a crash left running; answers them. `random` is in [0, 1). */
  recover(now: number, random: () => number): readonly JobRecord[];
  /** When the first and the last of the waiting jobs are due. */
  dueTimes(): DueTimes;
  /** Makes jobs due now that are due after the horizon, as they are when the clock was put back. */
  pullForward(horizon: number, now: number): void;
  /** Changes a job's result; false when it has none. */
  amend(id: string, change: (result: JobResult) => JobResult): boolean;
  retry(id: string, now: number): boolean;
  dismiss(id: string, now: number): boolean;
  /** Deletes up to so many done and dismissed jobs; answers how many. */
  forget(endedBefore: number, seenBefore: number, limit: number): number;
  close(): void;
}

/** Both are undefined when nothing waits. */
export interface DueTimes {
  readonly first: number | undefined;
  readonly last: number | undefined;
}

const lanes = { live: 0, scan: 1, suspect: 2 } as const;

/** So many crashes under a job make it wait behind all others. */
const toleratedCrashes = 3;

/** Opens or creates the ledger in a directory. Throws `LedgerError`. */
export function openLedger(settings: DatabaseSettings): Ledger {
  const { file, connection, assertInPlace, close } = openDatabase(settings);
  return {
    file,
    connection,
    assertInPlace,
    close,
    ...createRecords(connection, file),
    add: additions(connection),
    ...claims(connection),
    ...corrections(connection),
    amend: amendments(connection),
    recover: recovery(connection),
  };
}

function additions(connection: DatabaseSync): Ledger["add"] {
  const insert = connection.prepare(
    `INSERT INTO jobs (id, job, lane, covers, due_at, created_at, updated_at, seen_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?5) ON CONFLICT (id) DO NOTHING`,
  );
  const seeId = connection.prepare("UPDATE jobs SET seen_at = ?2 WHERE id = ?1");
  const seeImage = connection.prepare("UPDATE jobs SET seen_at = ?2 WHERE covers = ?1");

  return (job, now) => {
    const covers = coveredImage(job) ?? null;
    if (!job.build && covers !== null && seeImage.run(covers, now).changes > 0) return "already-known";
    const lane = job.cause === "scan" ? lanes.scan : lanes.live;
    if (insert.run(job.id, JSON.stringify(job), lane, covers, now).changes > 0) return "added";
    seeId.run(job.id, now);
    return "already-known";
  };
}

function claims(connection: DatabaseSync): Pick<Ledger, "claim" | "claimProbe" | "settle" | "dueTimes" | "pullForward"> {
  const taken = "UPDATE jobs SET state = 'running', claim = ?1, due_at = NULL, attempts = attempts + 1, updated_at = ?2";
  const returned = "RETURNING number, job, failures, failing_since";
  const take = connection.prepare(
    `${taken} WHERE number IN
       (SELECT number FROM jobs WHERE state = 'waiting' AND lane = ?3 AND due_at <= ?2 ORDER BY due_at, number LIMIT ?4) ${returned}`,
  );
  const takeProbe = connection.prepare(
    `${taken} WHERE number =
       (SELECT number FROM jobs WHERE state = 'waiting' AND due_at <= ?2
        ORDER BY lane = ${lanes.suspect}, failures, lane, due_at, number LIMIT 1) ${returned}`,
  );
  const pull = connection.prepare("UPDATE jobs SET due_at = ?3 WHERE state = 'waiting' AND lane = ?1 AND due_at > ?2");
  const due = connection.prepare(dueTimesQuery());

  return {
    claim(limit, now) {
      const token = randomUUID();
      const rows: JobRow[] = [];
      for (const lane of Object.values(lanes)) {
        if (rows.length < limit) rows.push(...(take.all(token, now, lane, limit - rows.length) as unknown as JobRow[]));
      }
      return rows.map((row) => toClaim(row, token));
    },
    claimProbe(now) {
      const token = randomUUID();
      return (takeProbe.all(token, now) as unknown as JobRow[]).map((row) => toClaim(row, token));
    },
    settle: settlements(connection),
    dueTimes() {
      const row = due.get() ?? {};
      return { first: optionalNumber(row.first), last: optionalNumber(row.last) };
    },
    pullForward(horizon, now) {
      for (const lane of Object.values(lanes)) pull.run(lane, horizon, now);
    },
  };
}

function settlements(connection: DatabaseSync): Ledger["settle"] {
  const ours = `WHERE number = ?1 AND claim = ?2 RETURNING ${recordColumns}`;
  const common = "claim = NULL, updated_at = ?3";
  const done = connection.prepare(
    `UPDATE jobs SET state = 'done', ${common}, error_reason = NULL, error_message = NULL, crashes = 0,
       result = coalesce(?4, result), covers = coalesce(covers, ?5) ${ours}`,
  );
  const failed = connection.prepare(
    `UPDATE jobs SET state = CASE WHEN ?4 IS NULL THEN 'failed' ELSE 'waiting' END, ${common}, due_at = ?4, error_reason = ?5,
       error_message = ?6, failures = failures + 1, failing_since = coalesce(failing_since, ?3) ${ours}`,
  );
  const interrupted = connection.prepare(`UPDATE jobs SET state = 'waiting', ${common}, due_at = ?3 ${ours}`);

  function write({ number, token }: Claim, verdict: Verdict, now: number): unknown {
    switch (verdict.outcome) {
      case "done":
        return done.get(number, token, now, verdict.result ? JSON.stringify(verdict.result) : null, pinned(verdict.result));
      case "interrupted":
        return interrupted.get(number, token, now);
      default: {
        const { reason, message } = verdict.error;
        return failed.get(number, token, now, verdict.outcome === "retrying" ? verdict.dueAt : null, reason, message);
      }
    }
  }

  return (claim, verdict, now) => {
    const row = write(claim, verdict, now) as JobRow | undefined;
    return row && toRecord(row, claim.job);
  };
}

function recovery(connection: DatabaseSync): Ledger["recover"] {
  const left = connection.prepare(`SELECT ${recordColumns} FROM jobs WHERE state = 'running' ORDER BY number`);
  const release = connection.prepare(
    `UPDATE jobs SET state = 'waiting', claim = NULL, crashes = crashes + 1, due_at = ?2, updated_at = ?3 WHERE number = ?1
     RETURNING ${recordColumns}`,
  );
  const suspect = connection.prepare(
    `UPDATE jobs SET lane = ${lanes.suspect}, error_reason = 'Unexpected', error_message = ?2 WHERE number = ?1 RETURNING ${recordColumns}`,
  );

  return (now, random) =>
    (left.all() as unknown as JobRow[]).map(({ number, crashes: before }) => {
      const crashes = before + 1;
      const delay = crashes < toleratedCrashes ? 0 : backoffDelay(crashes - toleratedCrashes + 1, jobBackoff, random());
      const row = release.get(number, now + delay, now);
      const words = `The bot itself ended ${crashes} times while this job ran; it is tried after all others`;
      return toRecord((crashes < toleratedCrashes ? row : suspect.get(number, words)) as unknown as JobRow);
    });
}

function corrections(connection: DatabaseSync): Pick<Ledger, "retry" | "dismiss" | "forget"> {
  const retry = connection.prepare(
    `UPDATE jobs SET state = 'waiting', lane = (job ->> 'cause' IS 'scan'), due_at = ?2, updated_at = ?2, failures = 0,
       failing_since = NULL, crashes = 0, error_reason = NULL, error_message = NULL WHERE id = ?1 AND state <> 'running'`,
  );
  const dismiss = connection.prepare(
    "UPDATE jobs SET state = 'dismissed', due_at = NULL, updated_at = ?2 WHERE id = ?1 AND state IN ('waiting', 'failed')",
  );
  const forget = connection.prepare(
    `DELETE FROM jobs WHERE number IN
       (SELECT number FROM jobs WHERE state = ?1 AND updated_at < ?2 AND seen_at < ?3 ORDER BY updated_at LIMIT ?4)`,
  );
  return {
    retry: (id, now) => retry.run(id, now).changes > 0,
    dismiss: (id, now) => dismiss.run(id, now).changes > 0,
    forget(endedBefore, seenBefore, limit) {
      const done = Number(forget.run("done", endedBefore, seenBefore, limit).changes);
      return done + Number(forget.run("dismissed", endedBefore, seenBefore, limit - done).changes);
    },
  };
}

function amendments(connection: DatabaseSync): Ledger["amend"] {
  const read = connection.prepare("SELECT result FROM jobs WHERE id = ? AND result IS NOT NULL");
  const write = connection.prepare("UPDATE jobs SET result = ?2 WHERE id = ?1");
  return (id, change) => {
    const row = read.get(id);
    if (!row) return false;
    const result = JSON.parse(String(row.result)) as JobResult;
    const changed = change(result);
    if (changed !== result) write.run(id, JSON.stringify(changed));
    return true;
  };
}

/** One index seek for each end of each lane. */
function dueTimesQuery(): string {
  const ends = Object.values(lanes).map((lane) => {
    const waiting = `FROM jobs WHERE state = 'waiting' AND lane = ${lane}`;
    return `SELECT (SELECT min(due_at) ${waiting}) AS first, (SELECT max(due_at) ${waiting}) AS last`;
  });
  return `SELECT min(first) AS first, max(last) AS last FROM (${ends.join(" UNION ALL ")})`;
}

function toClaim(row: JobRow, token: string): Claim {
  const { number, failures, failing_since } = row;
  return { job: JSON.parse(row.job) as Job, number, token, failures, failingSince: failing_since ?? undefined };
}

/** The image a job turned out to cover: what it is called in the cluster, so that a later scan knows it. */
function pinned(result: JobResult | undefined): string | null {
  return typeof result?.source === "string" && result.source.includes("@sha256:") ? result.source : null;
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
