import type { Clock } from "../../core/clock.ts";
import { longestRetryAfter } from "../../core/jobs/retry.ts";
import { type Gate, openGate, probeStarted, reopensIn } from "../dispatching/gate.ts";
import type { DispatchStore, Places, StoreHooks, Taken } from "../dispatching/store.ts";
import type { JobRecord } from "../job-queue.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type Wanted, wantedOf } from "./ledger/wanted.ts";

export interface EmbeddedStoreParts {
  readonly ledger: Ledger;
  readonly commit: GroupCommit;
  /** Jobs that were running when the last bot crashed. */
  readonly crashed: readonly JobRecord[];
  readonly clock: Clock;
  /** The error, in words that name the ledger. */
  readonly explained: (error: unknown) => Error;
}

/** Another process may have changed the ledger, or the machine may have slept. */
const pollInterval = 1_000;

/**
 * The store of a bot that is alone on its ledger. It keeps gates in memory, and nobody takes its claims. Looking for due jobs costs no transaction if
 * there are none.
 */
export function createEmbeddedStore({ ledger, commit, crashed, clock, explained }: EmbeddedStoreParts): DispatchStore {
  const gates = new Map<string, Gate>();
  const gateOf = (analyzer: string) => gates.get(analyzer) ?? openGate;
  let hooks: StoreHooks | undefined;
  let lastLook = Number.POSITIVE_INFINITY;

  function wanted(analyzers: readonly string[], places: Places, now: number): readonly Wanted[] {
    if (places.workers === 0) return [];
    return analyzers.flatMap((analyzer) => wantedOf(analyzer, gateOf(analyzer), places, now));
  }

  /** Milliseconds until the next job can start if nothing else happens. */
  function nextIn(now: number): Pick<Taken, "nextIn"> {
    const openings = [...gates.values()].map((gate) => reopensIn(gate, now) ?? 0);
    const waits = [...openings, (ledger.nextDue(now) ?? now) - now].filter((wait) => wait > 0);
    return waits.length > 0 ? { nextIn: Math.min(...waits) } : {};
  }

  async function take(places: () => Places): Promise<Taken> {
    ledger.assertInPlace();
    const now = clock.now();
    // A job that is due later than any delay allows shows that the clock was set back, now or before the bot was started. It is due now.
    const wasSetBack = now < lastLook && ledger.isDueAfter(now + longestRetryAfter);
    lastLook = now;
    const analyzers = ledger.waitingAnalyzers();
    const isAnythingDue = wasSetBack || wanted(analyzers, places(), now).some((some) => ledger.isThere(some, now));
    if (!isAnythingDue) return { claims: [], ...nextIn(now) };
    const claims = await commit.run(() => {
      const at = clock.now();
      if (wasSetBack) ledger.pullForward(at + longestRetryAfter, at);
      return wanted(analyzers, places(), at).flatMap((some) => ledger.claim(some, at));
    });
    const then = clock.now();
    for (const { analyzer, probe } of claims) if (probe) gates.set(analyzer, probeStarted(gateOf(analyzer), then));
    return { claims, ...nextIn(then) };
  }

  return {
    pollInterval,
    attach(given) {
      hooks = given;
    },
    begin() {
      if (crashed.length > 0) hooks?.released(crashed);
    },
    async take(places) {
      try {
        return await take(places);
      } catch (error) {
        throw explained(error);
      }
    },
    settle(claim, conclude) {
      const now = clock.now();
      const { verdict, gate } = conclude(gateOf(claim.analyzer), now);
      // Set at once: the next claim can be in the same transaction and must see it.
      gates.set(claim.analyzer, gate);
      return commit.run(() => ledger.settle(claim, verdict, now));
    },
    end: async () => undefined,
  };
}
