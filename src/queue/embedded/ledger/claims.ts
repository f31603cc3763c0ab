import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Job } from "../../../core/jobs/job.ts";
import { outcomeOf } from "../../../core/jobs/job-outcome.ts";
import { lanes, type Pool, type Room } from "../../dispatching/pools.ts";
import type { Claim } from "../../dispatching/store.ts";
import type { Verdict } from "../../dispatching/verdict.ts";
import type { JobRecord } from "../../job-queue.ts";
import { type JobRow, recordColumns, toRecord } from "../../rows.ts";
import { createNaming } from "./images.ts";
import type { Wanted } from "./wanted.ts";

/** Takes jobs out of the ledger and puts them back. Each call is one step. Calls that write need a transaction. */
export interface Claims {
  /** Whether there is a job to take. */
  isThere(wanted: Wanted, now: number): boolean;
  /**
   * Takes due jobs: live ones first, then a backlog, then scanned ones, then those during which the bot crashed. Tenants take turns, and a tenant's
   * oldest job goes first. To try an endpoint, it takes the next tenant's job that is least likely to be the cause itself.
   */
  claim(wanted: Wanted, now: number): readonly Claim[];
  /** Records how a claimed job ended. Undefined if the claim is no longer valid. */
  settle(claim: Claim, verdict: Verdict, now: number): JobRecord | undefined;
  /** Analyzers for which jobs wait. */
  waitingAnalyzers(): readonly string[];
  /** When the next waiting job becomes due. */
  nextDue(now: number): number | undefined;
  /** When the first job that waits for this analyzer, or for any, is or was due. */
  firstDue(analyzer?: string): number | undefined;
  /** Makes jobs due now that are due after the horizon. This happens when the clock was set back. */
  pullForward(horizon: number, now: number): void;
  /** Whether there is one. Looks at every waiting job. */
  isDueAfter(horizon: number): boolean;
}

const laneOrder = Object.values(lanes);

interface ClaimedRow extends JobRow {
  readonly pool: Pool;
  readonly tenant: string;
}

interface Place {
  readonly tenant: string;
  readonly pool: Pool;
  /** How many more jobs it can have. */
  readonly free: number;
  /** Whether no other tenant waits there and the tenant is behind all others already. */
  readonly isLast: boolean;
}

/** A job that can be taken, by its row. */
interface Waiting {
  readonly number: number;
}

interface PlaceRow {
  readonly tenant: string;
  /** Null before an analyzer's first turn. */
  readonly wasLast: number | null;
}

export function createClaims(connection: DatabaseSync): Claims {
  const places = connection.prepare(
    `SELECT tenant, turn = (SELECT turn FROM served WHERE analyzer = ?1) AS wasLast FROM turns
     WHERE analyzer = ?1 AND pool = ?2 AND lane = ?3 AND first_due <= ?4 ORDER BY turn, first_due`,
  );
  const nextTenant = connection.prepare(
    `SELECT tenant FROM turns INDEXED BY turns_probe WHERE analyzer = ?1 AND pool IN (SELECT value FROM json_each(?2)) AND first_due <= ?3
       AND (lane = ${lanes.suspect}) = ?4 ORDER BY turn, first_due LIMIT 1`,
  );
  const { first, innocent, take, passTurn } = takings(connection);

  /** The next place whose tenant can have one more job, or several if no other tenant waits there. In a room of several pools, the first pool's. */
  function nextPlace(
    { analyzer, room, perTenant = Number.POSITIVE_INFINITY, running }: Wanted,
    lane: number,
    now: number,
  ): Place | undefined {
    for (const pool of room) {
      let next: Place | undefined;
      for (const row of places.iterate(analyzer, pool, lane, now)) {
        const { tenant, wasLast } = row as unknown as PlaceRow;
        const free = perTenant - (running.get(tenant) ?? 0);
        if (next) next = { ...next, isLast: false };
        if (free <= 0) continue;
        if (next) return { ...next, free: 1 };
        next = { tenant, pool, free, isLast: wasLast === 1 };
      }
      if (next) return next;
    }
    return undefined;
  }

  function nextJobs(wanted: Wanted, now: number): readonly Waiting[] {
    for (const lane of laneOrder) {
      const place = nextPlace(wanted, lane, now);
      if (!place) continue;
      if (!place.isLast) passTurn(wanted.analyzer, place.tenant);
      return first(wanted, place, lane, now);
    }
    return [];
  }

  function nextProbe({ analyzer, room }: Wanted, now: number): readonly Waiting[] {
    const next = (suspect: number) => nextTenant.get(analyzer, JSON.stringify(room), now, suspect);
    const { tenant } = next(0) ?? next(1) ?? {};
    if (typeof tenant !== "string") return [];
    passTurn(analyzer, tenant);
    const job = innocent(analyzer, tenant, room, now);
    return job ? [job] : [];
  }

  return {
    isThere: (wanted, now) => laneOrder.some((lane) => nextPlace(wanted, lane, now) !== undefined),
    claim(wanted, now) {
      const token = randomUUID();
      const running = new Map(wanted.running);
      const claims: Claim[] = [];
      const next = wanted.kind === "probe" ? nextProbe : nextJobs;
      while (claims.length < wanted.limit) {
        const jobs = next({ ...wanted, running, limit: wanted.limit - claims.length }, now);
        if (jobs.length === 0) break;
        for (const job of jobs) {
          const row = take(job, token, now);
          running.set(row.tenant, (running.get(row.tenant) ?? 0) + 1);
          claims.push(toClaim(row, wanted, token));
        }
      }
      return claims;
    },
    settle: settlements(connection),
    ...dueTimes(connection),
  };
}

function takings(connection: DatabaseSync) {
  const waiting = "SELECT number FROM jobs INDEXED BY";
  const ofTenant = "WHERE state = 'waiting' AND analyzer = ?1 AND tenant = ?2 AND due_at <= ?3";
  const first = connection.prepare(
    `${waiting} jobs_turn ${ofTenant} AND pool = ?4 AND lane = ?5 ORDER BY due_at, number LIMIT ?6`,
  );
  // The index of jobs that failed before is small. Of the others the first one is as likely as any.
  const untried = connection.prepare(
    `${waiting} jobs_turn ${ofTenant} AND pool = ?4 AND lane = ?5 AND failures = 0 ORDER BY due_at, number LIMIT 1`,
  );
  // Among equally likely jobs the one of the first pool tries, because the others take longer.
  const tried = connection.prepare(
    `${waiting} jobs_innocent ${ofTenant} AND failures > 0 AND pool IN (SELECT value FROM json_each(?4)) AND (lane = ${lanes.suspect}) = ?5
     ORDER BY failures, pool, lane, due_at, number LIMIT 1`,
  );
  // One at a time: for a statement that can change several rows SQLite copies every page before it changes.
  const take = connection.prepare(
    `UPDATE jobs SET state = 'running', claim = ?2, due_at = NULL, attempts = attempts + 1, updated_at = ?3 WHERE number = ?1
     RETURNING number, job, failures, failing_for, pool, tenant`,
  );
  const serve = connection.prepare("INSERT INTO served VALUES (?1, 2) ON CONFLICT DO UPDATE SET turn = turn + 2 RETURNING turn");
  const pass = connection.prepare("UPDATE turns SET turn = ?3 WHERE analyzer = ?1 AND tenant = ?2");

  function leastLikely(analyzer: string, tenant: string, room: Room, now: number): unknown {
    for (const suspect of [false, true]) {
      const among = laneOrder.filter((lane) => (lane === lanes.suspect) === suspect);
      for (const [pool, lane] of room.flatMap((pool) => among.map((lane) => [pool, lane] as const))) {
        const row = untried.get(analyzer, tenant, now, pool, lane);
        if (row) return row;
      }
      const row = tried.get(analyzer, tenant, now, JSON.stringify(room), Number(suspect));
      if (row) return row;
    }
    return undefined;
  }

  return {
    first: ({ analyzer, limit }: Wanted, { tenant, pool, free }: Place, lane: number, now: number) =>
      first.all(analyzer, tenant, now, pool, lane, Math.min(limit, free)) as unknown as readonly Waiting[],
    innocent: (analyzer: string, tenant: string, room: Room, now: number) =>
      leastLikely(analyzer, tenant, room, now) as Waiting | undefined,
    take: ({ number }: Waiting, token: string, now: number) => take.get(number, token, now) as unknown as ClaimedRow,
    passTurn: (analyzer: string, tenant: string) => pass.run(analyzer, tenant, Number(serve.get(analyzer)?.turn)),
  };
}

function settlements(connection: DatabaseSync): Claims["settle"] {
  const ours = `WHERE number = ?1 AND claim = ?2 RETURNING ${recordColumns}, again`;
  const common = "claim = NULL, updated_at = ?3";
  const done = connection.prepare(
    `UPDATE jobs SET state = 'done', ${common}, error_reason = NULL, error_message = NULL, error_host = NULL, given_up_after = NULL, crashes = 0,
       result = coalesce(?4, result), analysis = ?5 ${ours}`,
  );
  const failed = connection.prepare(
    `UPDATE jobs SET state = CASE WHEN ?4 IS NULL THEN 'failed' ELSE 'waiting' END, ${common}, due_at = ?4, error_reason = ?5,
       error_message = ?6, error_host = ?9, failures = failures + 1, failing_since = coalesce(failing_since, ?3), failing_for = ?7, given_up_after = ?8 ${ours}`,
  );
  const interrupted = connection.prepare(`UPDATE jobs SET state = 'waiting', ${common}, due_at = ?3 ${ours}`);
  const askedAgain = connection.prepare(
    `UPDATE jobs SET state = 'waiting', due_at = ?2, again = 0, failures = 0, failing_since = NULL, failing_for = 0,
       error_reason = NULL, error_message = NULL, error_host = NULL, given_up_after = NULL WHERE number = ?1`,
  );

  const name = createNaming(connection);

  function write({ number, token, failingFor }: Claim, verdict: Verdict, now: number): unknown {
    switch (verdict.outcome) {
      case "done": {
        const { result } = verdict;
        const analysis = outcomeOf("done", result);
        return done.get(number, token, now, result ? JSON.stringify(result) : null, analysis);
      }
      case "interrupted":
        return interrupted.get(number, token, now);
      case "retrying": {
        const { error, delay } = verdict;
        const { reason, message, host = null } = error;
        return failed.get(number, token, now, now + delay, reason, message, verdict.failingFor, null, host);
      }
      case "failed": {
        const { reason, message, host = null, givenUpAfter = null } = verdict.error;
        return failed.get(number, token, now, null, reason, message, failingFor, givenUpAfter, host);
      }
    }
  }

  return (claim, verdict, now) => {
    const row = write(claim, verdict, now) as (JobRow & { readonly again: number }) | undefined;
    if (row && verdict.outcome === "done") name(row.number, claim.job, verdict.result);
    if (row?.again) askedAgain.run(row.number, now);
    return row && toRecord(row, claim.job);
  };
}

function dueTimes(
  connection: DatabaseSync,
): Pick<Claims, "waitingAnalyzers" | "nextDue" | "firstDue" | "pullForward" | "isDueAfter"> {
  const nextAnalyzer = connection.prepare("SELECT min(analyzer) AS analyzer FROM turns WHERE analyzer > ?");
  const firstAnalyzer = connection.prepare("SELECT min(analyzer) AS analyzer FROM turns");
  const next = connection.prepare("SELECT min(first_due) AS at FROM turns WHERE first_due > ?");
  const first = connection.prepare("SELECT min(first_due) AS at FROM turns");
  const firstOf = connection.prepare("SELECT min(first_due) AS at FROM turns WHERE analyzer = ?");
  const late = connection.prepare("SELECT 1 FROM jobs INDEXED BY jobs_waiting WHERE state = 'waiting' AND due_at > ? LIMIT 1");
  const pull = connection.prepare("UPDATE jobs SET due_at = ?2 WHERE state = 'waiting' AND due_at > ?1");
  const timeOf = (row: Record<string, unknown> | undefined) => (typeof row?.at === "number" ? row.at : undefined);

  function waitingAnalyzers(): readonly string[] {
    const found: string[] = [];
    for (let { analyzer } = firstAnalyzer.get() ?? {}; typeof analyzer === "string"; ) {
      found.push(analyzer);
      analyzer = nextAnalyzer.get(analyzer)?.analyzer;
    }
    return found;
  }

  return {
    waitingAnalyzers,
    nextDue: (now) => timeOf(next.get(now)),
    firstDue: (analyzer) => timeOf(analyzer === undefined ? first.get() : firstOf.get(analyzer)),
    isDueAfter: (horizon) => late.get(horizon) !== undefined,
    pullForward: (horizon, now) => void pull.run(horizon, now),
  };
}

function toClaim(row: ClaimedRow, { analyzer, kind }: Wanted, token: string): Claim {
  const { number, pool, tenant, failures, failing_for } = row;
  const job = JSON.parse(row.job) as Job;
  return { job, number, analyzer, tenant, pool, token, probe: kind === "probe", failures, failingFor: failing_for };
}
