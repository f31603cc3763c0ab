import { type BuildSighting, isOfWatch, watchedKey } from "../cluster/cluster.ts";
import type { Clock } from "../core/clock.ts";
import type { FailureReason } from "../core/jobs/errors.ts";
import type { WatchProblem } from "../core/jobs/problems.ts";
import type { AttemptReport, JobFailure, JobQueue } from "../queue/job-queue.ts";

/** What the bot has been doing since it started. Times are milliseconds since the epoch. */
export interface Activity {
  readonly startedAt: number;
  readonly lastEventAt?: number;
  readonly lastListAt?: number;
  /** The last sign of life of any kind. */
  readonly lastSignAt?: number;
  /** Why namespaces are not watched now. `namespace` is undefined for the whole cluster. */
  readonly troubles: readonly Trouble[];
  /** The state of each analyzer by name, as attempts and questions showed it. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** All of them together: down if one is, with its message. */
  readonly endpoint: Endpoint;
  /** Ended jobs of the last hour per minute, the current minute last. */
  readonly minutes: readonly Minute[];
}

export type Trouble = WatchProblem;

/** The analysis endpoint, as the attempts saw it. */
export interface Endpoint {
  readonly state: "unknown" | "up" | "down";
  /** When it last took a submission. */
  readonly acceptedAt?: number;
  readonly failedAt?: number;
  /** When it was first found down, if it is. */
  readonly downSince?: number;
  readonly message?: string;
}

export interface Minute {
  readonly done: number;
  readonly failed: number;
}

/** Records what happens, and answers what happened. */
export interface ActivityMonitor {
  see(sighting: BuildSighting): void;
  onAttempt(attempt: Pick<AttemptReport, "outcome" | "record">): void;
  /** Fills in the hour before the start from the queue. */
  recall(queue: Pick<JobQueue, "recent" | "tally">): Promise<void>;
  /** An analyzer's endpoint answered a question that was not a submission, or failed to, for this reason. */
  discovered(analyzer: string, failure?: string): void;
  read(): Activity;
}

const minute = 60_000;
const minutesKept = 60;
/** How many records of each kind are read for that. */
const mostRecalled = 2_000;

/** Failures that mean that the endpoint is down. Any other answer shows that it is up. */
const absent: ReadonlySet<FailureReason> = new Set(["AnalyzerUnavailable"]);
const answered: ReadonlySet<FailureReason> = new Set(["AnalyzerRejected", "AnalyzerFailed", "AnalyzerProtocol"]);

export function createActivity(clock: Clock): ActivityMonitor {
  const startedAt = clock.now();
  const troubles = new Map<string, Trouble>();
  const minutes = new Map<number, Minute>();
  let seen: Pick<Activity, "lastEventAt" | "lastListAt" | "lastSignAt"> = {};
  const endpoints = new Map<string, Endpoint>();
  const endpointOf = (analyzer: string): Endpoint => endpoints.get(analyzer) ?? { state: "unknown" };

  function count(outcome: "done" | "failed", at: number): void {
    const index = Math.floor(at / minute);
    const { done, failed } = minutes.get(index) ?? { done: 0, failed: 0 };
    minutes.set(index, outcome === "done" ? { done: done + 1, failed } : { done, failed: failed + 1 });
    const first = Math.floor(clock.now() / minute) - minutesKept;
    for (const old of minutes.keys()) if (old <= first) minutes.delete(old);
  }

  return {
    see(sighting) {
      const now = clock.now();
      if (sighting.kind === "watches") {
        const watched = new Set(sighting.watches.map(watchedKey));
        for (const key of troubles.keys()) if (!watched.has(key)) troubles.delete(key);
        return;
      }
      const { kind, namespace } = sighting;
      const key = watchedKey(sighting);
      if (kind === "trouble") {
        const { since = now } = troubles.get(key) ?? {};
        const { reason, message } = sighting;
        if (reason !== "Expired") troubles.set(key, { namespace, reason, message, since });
        return;
      }
      if (isOfWatch(sighting)) troubles.delete(key);
      seen = { ...seen, lastSignAt: now };
      if (kind === "synced") seen = { ...seen, lastListAt: now };
      if (kind === "builds" && !sighting.listed) seen = { ...seen, lastEventAt: now };
    },
    onAttempt({ outcome, record }) {
      const now = clock.now();
      if (outcome === "done" || outcome === "failed") count(outcome, now);
      const { analyzer } = record.job;
      const before = endpointOf(analyzer);
      if (outcome === "done" && (record.result?.analyses.length ?? 0) > 0)
        endpoints.set(analyzer, { ...up(before), acceptedAt: now });
      else if (outcome !== "interrupted" && record.error) endpoints.set(analyzer, afterFailure(before, record.error, now));
    },
    async recall(queue) {
      const since = startedAt - (minutesKept - 1) * minute;
      for (const state of ["done", "failed"] as const) {
        const ended = await queue.recent(mostRecalled, { state });
        for (const { updatedAt } of ended) if (updatedAt > since) count(state, updatedAt);
      }
      for (const { analyzer } of await queue.tally()) {
        const [newest] = await queue.recent(1, { state: "done", analyzer });
        const last = newest?.result?.submittedAt;
        if (last !== undefined) endpoints.set(analyzer, { acceptedAt: last, ...endpointOf(analyzer) });
      }
    },
    discovered(analyzer, failure) {
      const before = endpointOf(analyzer);
      endpoints.set(analyzer, failure === undefined ? up(before) : down(before, failure, clock.now()));
    },
    read() {
      const last = Math.floor(clock.now() / minute);
      const hour = Array.from({ length: minutesKept }, (_, index) => last - minutesKept + 1 + index);
      const kept = hour.map((index) => minutes.get(index) ?? { done: 0, failed: 0 });
      return { startedAt, ...seen, troubles: [...troubles.values()], ...together(endpoints), minutes: kept };
    },
  };
}

function together(endpoints: ReadonlyMap<string, Endpoint>): Pick<Activity, "endpoint" | "endpoints"> {
  const all = [...endpoints.values()];
  const worst = all.find(({ state }) => state === "down") ?? all.find(({ state }) => state === "up") ?? { state: "unknown" };
  const accepted = all.flatMap(({ acceptedAt }) => acceptedAt ?? []);
  const endpoint = { ...worst, ...(accepted.length > 0 && { acceptedAt: Math.max(...accepted) }) };
  return { endpoint, endpoints: Object.fromEntries(endpoints) };
}

function afterFailure(endpoint: Endpoint, error: JobFailure, now: number): Endpoint {
  const { reason, message } = error;
  if (absent.has(reason)) return down(endpoint, message, now);
  return answered.has(reason) ? { ...up(endpoint), failedAt: now, message } : endpoint;
}

function up({ downSince: _, ...endpoint }: Endpoint): Endpoint {
  return { ...endpoint, state: "up" };
}

function down(endpoint: Endpoint, message: string, now: number): Endpoint {
  return { ...endpoint, state: "down", failedAt: now, downSince: endpoint.downSince ?? now, message };
}
