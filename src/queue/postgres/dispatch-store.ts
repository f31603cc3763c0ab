import { randomUUID } from "node:crypto";
import type { Job } from "../../core/jobs/job.ts";
import { outcomeOf } from "../../core/jobs/job-outcome.ts";
import { longestRetryAfter } from "../../core/jobs/retry.ts";
import type { Run } from "../../postgres/index.ts";
import { type Gate, probePatience } from "../dispatching/gate.ts";
import type { Pool } from "../dispatching/pools.ts";
import type { Claim, Conclusion, DispatchStore, Places, StoreHooks, Taken } from "../dispatching/store.ts";
import type { Verdict } from "../dispatching/verdict.ts";
import { QueueUnavailableError } from "../job-queue.ts";
import { type JobRow, toRecord } from "../rows.ts";
import type { Connection } from "./connection.ts";
import type { Membership } from "./membership.ts";
import { clean, digestOfText } from "./texts.ts";

export interface DispatchSettings {
  readonly queue: string;
  readonly now: () => number | null;
  /** Fires when nothing more can be waited for. */
  readonly closing: AbortSignal;
}

interface TakenRow {
  readonly number: number | null;
  readonly token: string;
  readonly job: string;
  readonly failures: number;
  readonly failing_for: number;
  readonly analyzer: string;
  readonly tenant: string;
  readonly pool: Pool;
  readonly probe: boolean;
  readonly next_in: number | null;
}

type Conclude = (gate: Gate, now: number) => Conclusion;

interface SettledRow extends JobRow {
  /** Whether it was asked for once more while it ran. */
  readonly again: boolean;
}

/** Milliseconds before jobs are asked for again that could not be asked for. */
const pause = 1_000;

/** The replicas look for due jobs together, so that a queue by itself need hardly do so. */
const pollInterval = 30_000;

export function createDispatchStore(connection: Connection, membership: Membership, settings: DispatchSettings): DispatchStore {
  const { queue, now } = settings;
  const { settle, gates } = createSettling(connection, settings);
  let told: StoreHooks;

  async function take(places: () => Places): Promise<Taken> {
    // Nothing is taken while a gate may be about to shut.
    await Promise.allSettled(gates);
    const rows = await connection.ask(({ run }) => {
      const { workers, perTenant = null, rooms, running } = places();
      const values = [
        queue,
        now(),
        randomUUID(),
        membership.id,
        workers,
        perTenant,
        JSON.stringify(rooms),
        JSON.stringify(running),
      ];
      return run<TakenRow>("SELECT * FROM build_watcher.take_jobs($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", [
        ...values,
        longestRetryAfter,
        probePatience,
      ]);
    });
    const claims = rows.filter(({ number }) => number !== null).map(toClaim);
    for (const { token } of claims) membership.hold(queue, token);
    const nextIn = rows.find(({ number }) => number === null)?.next_in;
    return { claims, ...(typeof nextIn === "number" && { nextIn }) };
  }

  return {
    pollInterval,
    attach(hooks) {
      told = hooks;
    },
    begin: () => membership.join(queue, told),
    end: async () => membership.leave(queue),
    async take(places) {
      if (!membership.isHeard()) return { claims: [], nextIn: pause };
      try {
        return await take(places);
      } catch (error) {
        if (!(error instanceof QueueUnavailableError)) throw error;
        return { claims: [], nextIn: pause };
      }
    },
    async settle(claim, conclude) {
      membership.settle(claim.token);
      try {
        const { row, isSeen } = await settle(claim, conclude);
        if (!isSeen) told.changed();
        return row && toRecord(row, claim.job);
      } finally {
        membership.drop(claim.token);
      }
    },
  };
}

/** `gates` are those that are being settled with a say of the gate. */
function createSettling(connection: Connection, { queue, now, closing }: DispatchSettings) {
  const gates = new Set<Promise<unknown>>();

  /** Says as well whether those who looked for jobs meanwhile have seen everything there is by now. */
  async function settle(claim: Claim, conclude: Conclude) {
    const quick = quickly(claim, conclude);
    const row = quick
      ? await connection.insist(({ run }) => write(run, claim, quick.verdict, quick.sign === "alive", now()), closing)
      : await atGate(connection.insist(({ transaction }) => transaction((run) => throughGate(run, claim, conclude)), closing));
    return { row, isSeen: quick !== undefined && !row?.again && row?.state !== "waiting" };
  }

  async function atGate<T>(settling: Promise<T>): Promise<T> {
    gates.add(settling);
    try {
      return await settling;
    } finally {
      gates.delete(settling);
    }
  }

  async function throughGate(run: Run, claim: Claim, conclude: Conclude): Promise<SettledRow | undefined> {
    const of = [queue, claim.analyzer];
    const [seen] = await run<{ gate: Gate; now: number }>(
      "SELECT gate, coalesce($3, build_watcher.now_ms()) AS now FROM build_watcher.gates WHERE queue = $1 AND analyzer = $2 FOR UPDATE",
      [...of, now()],
    );
    if (!seen) throw new Error(`The analyzer ${claim.analyzer} has no gate`);
    const { verdict, gate } = conclude(seen.gate, seen.now);
    const row = await write(run, claim, verdict, false, seen.now);
    const keep = "UPDATE build_watcher.gates SET gate = $3 WHERE queue = $1 AND analyzer = $2";
    if (row) await run(keep, [...of, JSON.stringify(gate)]);
    return row;
  }

  return { settle, gates };
}

/**
 * The verdict on an attempt that no gate has a say in, which saves looking at it: one that was no probe, and showed either that the
 * endpoint is alive or nothing of it.
 */
function quickly(claim: Claim, conclude: Conclude): { verdict: Verdict; sign: "alive" | "none" } | undefined {
  if (claim.probe) return undefined;
  const { verdict, gate } = conclude({ kind: "open", against: [claim.number - 1] }, 0);
  if (gate.kind === "shut") return undefined;
  if (gate.against.length === 0) return { verdict, sign: "alive" };
  return gate.against.length === 1 && gate.against[0] === claim.number - 1 ? { verdict, sign: "none" } : undefined;
}

async function write(
  run: Run,
  { number, token, failingFor }: Claim,
  verdict: Verdict,
  isAlive: boolean,
  now: number | null,
): Promise<SettledRow | undefined> {
  const [row] = await run<SettledRow>(
    "SELECT * FROM build_watcher.settle_job($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    [number, token, now, verdict.outcome, ...failureOf(verdict, failingFor), ...resultOf(verdict), isAlive],
  );
  return row;
}

function failureOf(verdict: Verdict, failingFor: number): readonly unknown[] {
  if (verdict.outcome === "done" || verdict.outcome === "interrupted") return [null, null, null, null, null, null];
  const { reason, message, host, givenUpAfter = null } = verdict.error;
  const delay = verdict.outcome === "retrying" ? verdict.delay : null;
  const failing = verdict.outcome === "retrying" ? verdict.failingFor : failingFor;
  return [delay, reason, clean(message), clean(host), failing, givenUpAfter];
}

function resultOf(verdict: Verdict): readonly unknown[] {
  if (verdict.outcome !== "done") return [null, null, null, null, null];
  const { result } = verdict;
  const analysis = outcomeOf("done", result);
  const source = digestOfText(result?.source) === undefined ? null : clean(result?.source);
  return [
    result === undefined ? null : JSON.stringify(result),
    analysis,
    source,
    digestOfText(result?.output),
    digestOfText(result?.base),
  ];
}

function toClaim(row: TakenRow): Claim {
  const { token, analyzer, tenant, pool, probe, failures, failing_for: failingFor } = row;
  return {
    job: JSON.parse(row.job) as Job,
    number: Number(row.number),
    token,
    analyzer,
    tenant,
    pool,
    probe,
    failures,
    failingFor,
  };
}
