import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Job } from "../../core/job.ts";
import type { JobRecord, JobResult } from "../job-queue.ts";
import { allPools, type Pool, type Room } from "./pools.ts";
import { type JobRow, recordColumns, toRecord } from "./rows.ts";
import type { History, Verdict } from "./verdict.ts";

/** A job taken out to run. The token proves that it is still ours when its attempt ended. */
export interface Claim extends History {
  readonly job: Job;
  readonly number: number;
  readonly pool: Pool;
  readonly token: string;
}

/** Both are undefined when nothing waits. */
export interface DueTimes {
  readonly first: number | undefined;
  readonly last: number | undefined;
}

/** Taking jobs out of the ledger, and putting them back. All are single steps; those that write belong in a transaction. */
export interface Claims {
  /** Takes out up to so many due jobs of these pools: live ones first, scanned ones next, then those the bot crashed under; each kind oldest first. */
  claim(room: Room, limit: number, now: number): readonly Claim[];
  /** Takes out one due job of these pools to try an endpoint that was down: the one least likely to be at fault itself. */
  claimProbe(room: Room, now: number): readonly Claim[];
  /** Records what became of a claimed job; undefined when the claim no longer holds. */
  settle(claim: Claim, verdict: Verdict, now: number): JobRecord | undefined;
  /** When the first and the last of the waiting jobs of these pools are due. */
  dueTimes(room: Room): DueTimes;
  /** Makes jobs due now that are due after the horizon, as they are when the clock was put back. */
  pullForward(horizon: number, now: number): void;
}

export const lanes = { live: 0, scan: 1, suspect: 2 } as const;

interface ClaimedRow extends JobRow {
  readonly pool: Pool;
}

export function createClaims(connection: DatabaseSync): Claims {
  const taken = "UPDATE jobs SET state = 'running', claim = ?1, due_at = NULL, attempts = attempts + 1, updated_at = ?2";
  const returned = "RETURNING number, job, failures, failing_since, pool";
  const take = connection.prepare(
    `${taken} WHERE number IN
       (SELECT number FROM jobs WHERE state = 'waiting' AND pool = ?3 AND lane = ?4 AND due_at <= ?2
        ORDER BY due_at, number LIMIT ?5) ${returned}`,
  );
  // Of jobs equally innocent the one of the first pool tries: the others are slow to tell.
  const takeProbe = connection.prepare(
    `${taken} WHERE number =
       (SELECT number FROM jobs WHERE state = 'waiting' AND pool IN (SELECT value FROM json_each(?3)) AND due_at <= ?2
        ORDER BY lane = ${lanes.suspect}, failures, pool, lane, due_at, number LIMIT 1) ${returned}`,
  );
  const pull = connection.prepare(
    "UPDATE jobs SET due_at = ?4 WHERE state = 'waiting' AND pool = ?1 AND lane = ?2 AND due_at > ?3",
  );

  return {
    claim(room, limit, now) {
      const token = randomUUID();
      const rows: ClaimedRow[] = [];
      for (const { pool, lane } of inOrder(room)) {
        if (rows.length < limit) rows.push(...(take.all(token, now, pool, lane, limit - rows.length) as unknown as ClaimedRow[]));
      }
      return rows.map((row) => toClaim(row, token));
    },
    claimProbe(room, now) {
      const token = randomUUID();
      return (takeProbe.all(token, now, JSON.stringify(room)) as unknown as ClaimedRow[]).map((row) => toClaim(row, token));
    },
    settle: settlements(connection),
    dueTimes: dueTimes(connection),
    pullForward(horizon, now) {
      for (const { pool, lane } of inOrder(allPools)) pull.run(pool, lane, horizon, now);
    },
  };
}

/** Where jobs of a room wait, in the order in which they are taken. */
function inOrder(room: Room): readonly { readonly pool: Pool; readonly lane: number }[] {
  return Object.values(lanes).flatMap((lane) => room.map((pool) => ({ pool, lane })));
}

function settlements(connection: DatabaseSync): Claims["settle"] {
  const ours = `WHERE number = ?1 AND claim = ?2 RETURNING ${recordColumns}`;
  const common = "claim = NULL, updated_at = ?3";
  const done = connection.prepare(
    `UPDATE jobs SET state = 'done', ${common}, error_reason = NULL, error_message = NULL, error_host = NULL, crashes = 0,
       result = coalesce(?4, result), covers = coalesce(covers, ?5) ${ours}`,
  );
  const failed = connection.prepare(
    `UPDATE jobs SET state = CASE WHEN ?4 IS NULL THEN 'failed' ELSE 'waiting' END, ${common}, due_at = ?4, error_reason = ?5,
       error_message = ?6, error_host = ?7, failures = failures + 1, failing_since = coalesce(failing_since, ?3) ${ours}`,
  );
  const interrupted = connection.prepare(`UPDATE jobs SET state = 'waiting', ${common}, due_at = ?3 ${ours}`);

  function write({ number, token }: Claim, verdict: Verdict, now: number): unknown {
    switch (verdict.outcome) {
      case "done":
        return done.get(number, token, now, verdict.result ? JSON.stringify(verdict.result) : null, pinned(verdict.result));
      case "interrupted":
        return interrupted.get(number, token, now);
      default: {
        const { reason, message, host = null } = verdict.error;
        return failed.get(number, token, now, verdict.outcome === "retrying" ? verdict.dueAt : null, reason, message, host);
      }
    }
  }

  return (claim, verdict, now) => {
    const row = write(claim, verdict, now) as JobRow | undefined;
    return row && toRecord(row, claim.job);
  };
}

/** One index seek for each end of each lane. */
function dueTimes(connection: DatabaseSync): Claims["dueTimes"] {
  const ends = Object.values(lanes).map((lane) => {
    const waiting = `FROM jobs WHERE state = 'waiting' AND pool = ?1 AND lane = ${lane}`;
    return `SELECT (SELECT min(due_at) ${waiting}) AS first, (SELECT max(due_at) ${waiting}) AS last`;
  });
  const due = connection.prepare(`SELECT min(first) AS first, max(last) AS last FROM (${ends.join(" UNION ALL ")})`);

  return (room) => {
    const rows = room.map((pool) => due.get(pool) ?? {});
    const times = (end: "first" | "last") => rows.map((row) => row[end]).filter((time) => typeof time === "number");
    const [firsts, lasts] = [times("first"), times("last")];
    return firsts.length === 0 ? { first: undefined, last: undefined } : { first: Math.min(...firsts), last: Math.max(...lasts) };
  };
}

function toClaim(row: ClaimedRow, token: string): Claim {
  const { number, pool, failures, failing_since } = row;
  return { job: JSON.parse(row.job) as Job, number, pool, token, failures, failingSince: failing_since ?? undefined };
}

/** The image a job turned out to cover: what it is called in the cluster, so that a later scan knows it. */
function pinned(result: JobResult | undefined): string | null {
  return typeof result?.source === "string" && result.source.includes("@sha256:") ? result.source : null;
}
