import type { Job } from "../../core/jobs/job.ts";
import { outcomeOf } from "../../core/jobs/job-outcome.ts";
import { digestOfText, imageOfResult } from "../derived.ts";
import type { Gate } from "../dispatching/gate.ts";
import type { Claim, Conclusion, DispatchStore, StoreHooks } from "../dispatching/store.ts";
import type { Verdict } from "../dispatching/verdict.ts";
import type { JobResult } from "../job-queue.ts";
import { type JobRow, toRecord } from "../rows.ts";
import type { Ending, Exchange, Gates, TakenRow } from "./exchange.ts";
import type { Membership } from "./membership.ts";
import { clean } from "./texts.ts";

type Conclude = (gate: Gate, now: number) => Conclusion;

/** Milliseconds until the next attempt to ask for jobs after a failed one. */
const pause = 1_000;

/** The replicas look for due jobs together, so a queue hardly has to look by itself. */
const pollInterval = 30_000;

export function createDispatchStore({ take, end }: Exchange, membership: Membership, queue: string): DispatchStore {
  let told: StoreHooks;

  /** If the gate matters, it is read first. If another replica changes it meanwhile, it is read again. */
  async function settle(claim: Claim, conclude: Conclude): Promise<JobRow | undefined> {
    let ended = await end(() => endingOf(claim, conclude));
    while (ended && "gate" in ended) {
      const seen = ended;
      ended = await end((gates) => gatedEndingOf(claim, conclude, seen, gates));
    }
    return ended?.job;
  }

  return {
    pollInterval,
    attach(hooks) {
      told = hooks;
    },
    begin: () => membership.join(queue, told),
    end: async () => membership.leave(queue),
    async take(places) {
      const rows = membership.isHeard() ? await take(places) : undefined;
      if (!rows) return { claims: [], nextIn: pause };
      const claims = rows.filter(({ number }) => number !== null).map(toClaim);
      for (const { token } of claims) membership.hold(queue, token);
      const nextIn = rows.find(({ number }) => number === null)?.next_in;
      return { claims, ...(typeof nextIn === "number" && { nextIn }) };
    },
    async settle(claim, conclude) {
      membership.settle(claim.token);
      try {
        const row = await settle(claim, conclude);
        return row && toRecord(row, claim.job);
      } finally {
        membership.drop(claim.token);
      }
    },
  };
}

function endingOf(claim: Claim, conclude: Conclude): Ending {
  const { number, token, analyzer } = claim;
  const quick = quickly(claim, conclude);
  if (!quick) return { number, token, analyzer, gated: true };
  return { number, token, analyzer, isAlive: quick.sign === "alive", ...verdictOf(quick.verdict, claim) };
}

function gatedEndingOf(
  claim: Claim,
  conclude: Conclude,
  seen: { readonly gate: Gate; readonly now: number },
  gates: Gates,
): Ending {
  const { number, token, analyzer } = claim;
  const before = gates.get(analyzer) ?? seen.gate;
  const { verdict, gate: after } = conclude(before, seen.now);
  gates.set(analyzer, after);
  return { number, token, analyzer, gated: true, before, after, ...verdictOf(verdict, claim) };
}

/**
 * The verdict on an attempt for which the gate does not matter, so that the gate need not be read: it was no try of a shut gate, and it showed that the
 * endpoint works, or nothing about it.
 */
function quickly(claim: Claim, conclude: Conclude): { verdict: Verdict; sign: "alive" | "none" } | undefined {
  if (claim.probe) return undefined;
  const { verdict, gate } = conclude({ kind: "open", against: [claim.number - 1] }, 0);
  if (gate.kind === "shut") return undefined;
  if (gate.against.length === 0) return { verdict, sign: "alive" };
  return gate.against.length === 1 && gate.against[0] === claim.number - 1 ? { verdict, sign: "none" } : undefined;
}

function verdictOf(verdict: Verdict, { failingFor }: Claim): Pick<Ending, "outcome"> {
  const { outcome } = verdict;
  return {
    outcome,
    ...(outcome === "done" ? resultOf(verdict.result) : outcome !== "interrupted" && failureOf(verdict, failingFor)),
  };
}

function failureOf(verdict: Verdict & { readonly outcome: "failed" | "retrying" }, failingFor: number): object {
  const { reason, message, host, givenUpAfter } = verdict.error;
  const next = verdict.outcome === "retrying" ? { delay: verdict.delay, failingFor: verdict.failingFor } : { failingFor };
  return { reason, message: clean(message), host: clean(host), givenUpAfter, ...next };
}

function resultOf(result: JobResult | undefined): object {
  return {
    result: result && JSON.stringify(result),
    analysis: outcomeOf("done", result),
    covers: clean(result && imageOfResult(result)),
    output: clean(digestOfText(result?.output)),
    base: clean(digestOfText(result?.base)),
  };
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
