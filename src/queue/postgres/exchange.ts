import { randomUUID } from "node:crypto";
import { longestRetryAfter } from "../../core/jobs/retry.ts";
import { DatabaseError, type Run } from "../../postgres/index.ts";
import { type Gate, probePatience } from "../dispatching/gate.ts";
import type { Pool } from "../dispatching/pools.ts";
import type { Places } from "../dispatching/store.ts";
import type { JobRow } from "../rows.ts";
import type { Connection } from "./connection.ts";
import type { Membership } from "./membership.ts";

/** How an attempt ended, for the database. Without an outcome the database returns the gate, which the outcome depends on. */
export interface Ending {
  readonly number: number;
  readonly token: string;
  readonly analyzer: string;
  readonly outcome?: string;
  readonly gated?: boolean;
  /** Whether it shows that the endpoint works. Then an open gate need not be read. */
  readonly isAlive?: boolean;
  /** The gate that the outcome is based on, and the gate after it. */
  readonly before?: Gate;
  readonly after?: Gate;
}

/** The job as it was recorded, or the gate that must be read first. */
export type Ended = { readonly job: JobRow } | { readonly gate: Gate; readonly now: number };

/** A row of the type `taken`. The last row of an answer has no number. */
export interface TakenRow {
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

/** The gates of analyzers, as they will be after the earlier parts of the same statement. */
export type Gates = Map<string, Gate>;

type Entry = Pick<PromiseWithResolvers<never>, "reject"> &
  (
    | { readonly kind: "add"; readonly job: object; readonly resolve: (isAdded: boolean) => void }
    | { readonly kind: "end"; readonly tell: (gates: Gates) => Ending; readonly resolve: (ended: Ended | null) => void }
    | { readonly kind: "take"; readonly places: () => Places; readonly resolve: (rows: readonly TakenRow[] | undefined) => void }
  );

interface Answer {
  readonly added: readonly boolean[] | null;
  readonly ended: readonly (Ended | null)[] | null;
  readonly taken: readonly TakenRow[] | null;
}

/** What a queue says to the database and asks it. */
export interface Exchange {
  /** Waits until the job is committed. Returns whether it was added. */
  add(job: object): Promise<boolean>;
  /** Waits until the end of an attempt is committed. Null if its claim is no longer valid. */
  end(tell: (gates: Gates) => Ending): Promise<Ended | null>;
  /** Takes jobs for the places that are free at that moment. Undefined if the database cannot be asked now. */
  take(places: () => Places): Promise<readonly TakenRow[] | undefined>;
  /** Resolves when everything was sent. */
  settled(): Promise<void>;
}

export interface ExchangeSettings {
  readonly queue: string;
  readonly now: () => number | null;
  readonly membership: Membership | undefined;
  /** Says that jobs may be due that were not looked for yet. */
  readonly changed: () => void;
}

/** The most items in one statement. */
const batch = 200;

/**
 * Sends in one statement, and so in one commit, everything that came up while the last one ran. While the database is unavailable it waits, until the
 * signal fires.
 */
export function createExchange(connection: Connection, settings: ExchangeSettings, signal: AbortSignal): Exchange {
  let claim = newClaim();
  let waiting: Entry[] = [];
  let flushing: Promise<void> | undefined;
  let isAway = false;

  function push(entry: Entry): void {
    waiting.push(entry);
    flushing ??= flush();
  }

  async function flush(): Promise<void> {
    // What comes in the same turn of the event loop is sent together, and so is what follows from the last answers.
    for (await turn(); waiting.length > 0; await turn()) {
      const entries = waiting.slice(0, batch);
      waiting = waiting.slice(batch);
      await send(entries);
    }
    flushing = undefined;
  }

  async function send(entries: readonly Entry[]): Promise<void> {
    let asked = entries;
    const told = entries.filter(({ kind }) => kind !== "take");
    const attempt = async ({ run }: { readonly run: Run }) => {
      try {
        return { to: asked, answer: await ask(run, asked, claim, settings) };
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.fault === "statement") throw error;
        isAway = true;
        turnAway([...asked, ...waiting]);
        if (asked.length > told.length) claim = { ...claim, isRepeated: true };
        asked = told;
        waiting = waiting.filter(({ kind }) => kind !== "take");
        throw error;
      }
    };
    try {
      const { to, answer } = await (told.length > 0 ? connection.insist(attempt, signal) : connection.once(attempt));
      isAway = false;
      deliver(to, answer);
      if (answer.taken) claim = newClaim();
      else settings.changed();
    } catch (error) {
      isAway = false;
      await fail(entries, error);
    }
  }

  /** An item that the database refuses must not affect the others. */
  async function fail(entries: readonly Entry[], error: unknown): Promise<void> {
    if (entries.length > 1 && error instanceof DatabaseError) for (const entry of entries) await send([entry]);
    else for (const { reject } of entries) reject(error);
  }

  return {
    add: (job) => new Promise((resolve, reject) => push({ kind: "add", job, resolve, reject })),
    end: (tell) => new Promise((resolve, reject) => push({ kind: "end", tell, resolve, reject })),
    take: (places) =>
      new Promise((resolve, reject) => (isAway ? resolve(undefined) : push({ kind: "take", places, resolve, reject }))),
    settled: async () => flushing,
  };
}

/** The parameters for taking jobs. Jobs of an earlier statement whose answer was lost are put back. */
interface Claim {
  readonly token: string;
  readonly isRepeated: boolean;
}

function newClaim(): Claim {
  return { token: randomUUID(), isRepeated: false };
}

/** A request for jobs does not wait until the database is back. It is repeated. */
function turnAway(entries: readonly Entry[]): void {
  for (const entry of entries) if (entry.kind === "take") entry.resolve(undefined);
}

async function ask(run: Run, entries: readonly Entry[], claim: Claim, settings: ExchangeSettings): Promise<Answer> {
  const { queue, now, membership } = settings;
  const gates: Gates = new Map();
  const added = entries.flatMap((entry) => (entry.kind === "add" ? [entry.job] : []));
  const ended = entries.flatMap((entry) => (entry.kind === "end" ? [entry.tell(gates)] : []));
  // Nothing is taken while a gate can be about to shut.
  const isOpen = ended.every(({ outcome }) => outcome !== undefined);
  const wanted =
    isOpen && membership?.isHeard() ? entries.flatMap((entry) => wantedBy(entry, claim, membership.id))[0] : undefined;
  const values = [queue, now(), ...[added, ended, wanted ?? null].map((value) => JSON.stringify(value))];
  const [row] = await run<{ answer: Answer }>("SELECT build_watcher.exchange($1, $2, $3, $4, $5) AS answer", values);
  if (!row) throw new Error("An exchange has no answer");
  return row.answer;
}

function wantedBy(entry: Entry, claim: Claim, replica: string): readonly object[] {
  if (entry.kind !== "take") return [];
  return [{ ...entry.places(), ...claim, replica, longest: longestRetryAfter, patience: probePatience }];
}

function deliver(entries: readonly Entry[], { added, ended, taken }: Answer): void {
  const answers = { add: added?.values(), end: ended?.values() };
  for (const entry of entries) {
    if (entry.kind === "take") entry.resolve(taken ?? undefined);
    else if (entry.kind === "add") entry.resolve(answers.add?.next().value === true);
    else entry.resolve(answers.end?.next().value ?? null);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
