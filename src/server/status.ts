import { setImmediate as nextTurn } from "node:timers/promises";
import { type BuildKey, kindOf } from "../core/builds/build.ts";
import { type Clock, isoTime } from "../core/clock.ts";
import type { Console } from "../core/hosts/web-links.ts";
import type { FailureReason } from "../core/jobs/errors.ts";
import { countOutcomes, type JobOutcome, type OutcomeCounts } from "../core/jobs/job-outcome.ts";
import { type AnalyzerAddress, type AnalyzerState, type Problem, problemsOf } from "../core/jobs/problems.ts";
import type { FailureGroup, JobQueue, JobState, Tally } from "../queue/job-queue.ts";
import type { Activity, ActivityMonitor } from "./activity.ts";
import type { Builds, BuildsMonitor } from "./builds.ts";
import type { Health, HealthProbes } from "./health.ts";
import { type ReplicaJson, type ReplicaStatus, readReplicas, replicaJson } from "./replicas.ts";

/** The bot at a glance. Times are milliseconds since the epoch. */
export interface Status extends Activity {
  /** Namespaces; undefined: the whole cluster. */
  readonly namespaces: readonly (string | undefined)[];
  /** The only BuildConfigs that are followed; empty: all. */
  readonly track: readonly string[];
  readonly ready: Health;
  readonly counts: Readonly<Record<JobState, number>>;
  /** The same by outcome: for done jobs, how their analyses went. */
  readonly outcomes: OutcomeCounts;
  /** When the oldest of the waiting jobs was taken in. */
  readonly oldestWaitingAt?: number;
  /** The bots that work on the same queue, this one included. */
  readonly replicas: readonly ReplicaStatus[];
  /** Everything that is wrong now, biggest first. */
  readonly problems: readonly Problem[];
  /** Failed analyses of images submitted within the last hour. */
  readonly analysesFailed: number;
  readonly builds: Builds;
  /** OpenShift's web console, once it is known. */
  readonly console?: Console | undefined;
  readonly version: string;
}

export interface StatusParts {
  readonly clock: Clock;
  readonly queue: Pick<JobQueue, "counts" | "tally" | "count" | "oldestWaiting" | "failures" | "replicas" | "recent">;
  readonly activity: Pick<ActivityMonitor, "read">;
  readonly builds: Pick<BuildsMonitor, "read">;
  readonly health: Pick<HealthProbes, "readiness">;
  readonly namespaces: Status["namespaces"];
  readonly track: readonly string[];
  readonly version: string;
  /** Where images are copied to: `host[:port][/path]`. */
  readonly pushRegistry: string | undefined;
  /** OpenShift's web console, once it is known. */
  readonly console: () => Console | undefined;
  /** Where the analyzers are, by name. */
  readonly addresses: Readonly<Record<string, AnalyzerAddress>>;
}

export async function readStatus(parts: StatusParts): Promise<Status> {
  const { queue, clock, activity, health, namespaces, track, version, ...settings } = parts;
  const [counts, tally, failing, oldestWaitingAt, replicas, lastHour] = await Promise.all([
    queue.counts(),
    queue.tally(),
    queue.failures(),
    queue.oldestWaiting(),
    readReplicas(queue),
    analysesOfTheHour(queue, clock.now()),
  ]);
  // What was read is shown next: each takes milliseconds, and others have their turn in between.
  await nextTurn();
  const outcomes = countOutcomes(tally);
  const seen = activity.read();
  const problems = problemsOf({
    watched: namespaces.length,
    troubles: seen.troubles,
    analyzers: analyzerStates({ ...seen, ...settings, tally, failing }),
    failing,
    analyses: { failed: outcomes["analysis-failed"], lastHour },
    pushRegistry: settings.pushRegistry,
  });
  return {
    ...seen,
    namespaces,
    track,
    version,
    ready: health.readiness(),
    builds: settings.builds.read(),
    console: settings.console(),
    counts,
    outcomes,
    replicas,
    problems,
    analysesFailed: lastHour.failed,
    ...(oldestWaitingAt !== undefined && { oldestWaitingAt }),
  };
}

interface StatesParts extends Pick<Activity, "endpoints">, Pick<StatusParts, "addresses"> {
  readonly tally: readonly Tally[];
  readonly failing: readonly FailureGroup[];
}

/** Every analyzer that was asked, or on which jobs failed. */
function analyzerStates({ endpoints, addresses, tally, failing }: StatesParts): readonly AnalyzerState[] {
  const waiting = new Map(tally.filter(({ outcome }) => outcome === "waiting").map(({ analyzer, jobs }) => [analyzer, jobs]));
  const names = new Set([...Object.keys(endpoints), ...failing.map(({ analyzer }) => analyzer)]);
  return [...names].map((name) => {
    const { state, downSince, message } = endpoints[name] ?? { state: "unknown" };
    return { name, state, downSince, message, address: addresses[name], waiting: waiting.get(name) ?? 0 };
  });
}

/** How many analyses of images submitted within the last hour ended, and how many of them failed. */
async function analysesOfTheHour(queue: Pick<JobQueue, "count">, now: number) {
  const count = (outcome: JobOutcome) => queue.count(mostCounted, { outcome, changedSince: now - hour });
  const [failed, analysed] = await Promise.all([count("analysis-failed"), count("analysed")]);
  return { failed, ended: failed + analysed };
}

const hour = 3_600_000;
const mostCounted = 10_000;

/** If more jobs than this wait for a problem, they are not listed one by one. */
const listedEach = 3;

/** Problems whose waiting jobs are not listed, so that the list shows the other jobs. */
export function foldedProblems(problems: readonly Problem[]): readonly (Problem & { readonly reason: FailureReason })[] {
  return problems.flatMap((problem) => {
    const { reason, waiting, kind } = problem;
    return reason !== undefined && kind !== "endpoint" && waiting > listedEach ? [{ ...problem, reason }] : [];
  });
}

/** The status for programs. */
export function statusJson(status: Status): StatusJson {
  const { version, namespaces, track, ready, problems, counts, outcomes, replicas, minutes, troubles, endpoint } = status;
  const { analysesFailed, builds, ...times } = status;
  return {
    name: "build-watcher",
    version,
    problems: problems.map(({ since, ...problem }) => ({ ...problem, since: maybeIso(since) })),
    namespaces: namespaces.map((namespace) => namespace ?? "*"),
    track,
    ready: ready.ok,
    notReadyBecause: ready.ok ? [] : ready.because,
    troubles: troubles.map(({ namespace, message, since }) => ({ namespace: namespace ?? "*", message, since: isoTime(since) })),
    startedAt: isoTime(times.startedAt),
    lastEventAt: maybeIso(times.lastEventAt),
    lastListAt: maybeIso(times.lastListAt),
    lastSignAt: maybeIso(times.lastSignAt),
    builds: buildsJson(builds),
    jobs: counts,
    outcomes,
    oldestWaitingAt: maybeIso(times.oldestWaitingAt),
    replicas: replicas.map(replicaJson),
    endpoint: {
      state: endpoint.state,
      acceptedAt: maybeIso(endpoint.acceptedAt),
      failedAt: maybeIso(endpoint.failedAt),
      message: endpoint.message,
    },
    lastHour: {
      done: minutes.reduce((sum, { done }) => sum + done, 0),
      failed: minutes.reduce((sum, { failed }) => sum + failed, 0),
      analysesFailed,
    },
  };
}

/** How many builds of each kind programs get. */
const listedBuilds = 50;

function buildsJson({ running, failed }: Builds): StatusJson["builds"] {
  const nameOf = ({ kind, namespace, name }: BuildKey) => ({ build: `${namespace}/${name}`, kind: kindOf({ kind }) });
  return {
    running: running.length,
    failed: failed.length,
    listed: [
      ...failed.slice(0, listedBuilds).map(({ build, buildConfig, reason, endedAt }) => {
        return { ...nameOf(build), buildConfig, state: "failed" as const, reason, since: isoTime(endedAt) };
      }),
      ...running.slice(0, listedBuilds).map(({ build, buildConfig, phase, startedAt }) => {
        const state = phase === "Running" ? ("running" as const) : ("waiting" as const);
        return { ...nameOf(build), buildConfig, state, since: maybeIso(startedAt) };
      }),
    ],
  };
}

/** Times are RFC 3339. */
export interface StatusJson {
  readonly name: "build-watcher";
  readonly version: string;
  /** Everything that is wrong now, biggest first. */
  readonly problems: readonly (Omit<Problem, "since"> & { readonly since: string | undefined })[];
  readonly namespaces: readonly string[];
  readonly track: readonly string[];
  readonly ready: boolean;
  readonly notReadyBecause: readonly string[];
  readonly troubles: readonly { readonly namespace: string; readonly message: string; readonly since: string }[];
  readonly startedAt: string;
  readonly lastEventAt: string | undefined;
  readonly lastListAt: string | undefined;
  readonly lastSignAt: string | undefined;
  /** How many builds run, and how many BuildConfigs' last build failed; the first of each are listed. */
  readonly builds: {
    readonly running: number;
    readonly failed: number;
    readonly listed: readonly {
      readonly build: string;
      readonly kind: string;
      readonly buildConfig: string | undefined;
      readonly state: "failed" | "running" | "waiting";
      readonly reason?: string;
      readonly since: string | undefined;
    }[];
  };
  readonly jobs: Readonly<Record<JobState, number>>;
  readonly outcomes: OutcomeCounts;
  readonly oldestWaitingAt: string | undefined;
  /** The bots that work on the same queue, and the jobs each runs. */
  readonly replicas: readonly ReplicaJson[];
  readonly endpoint: {
    readonly state: Activity["endpoint"]["state"];
    readonly acceptedAt: string | undefined;
    readonly failedAt: string | undefined;
    readonly message: string | undefined;
  };
  /** Jobs that ended, and failed analyses of images submitted meanwhile. */
  readonly lastHour: { readonly done: number; readonly failed: number; readonly analysesFailed: number };
}

function maybeIso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : isoTime(at);
}
