import { isoTime } from "../core/clock.ts";
import type { JobQueue, JobState } from "../queue/job-queue.ts";
import type { Activity, ActivityMonitor } from "./activity.ts";
import type { Health, HealthProbes } from "./health.ts";

/** What one sees at a glance. Times are milliseconds since the epoch. */
export interface Status extends Activity {
  /** Namespaces; undefined stands for the whole cluster. */
  readonly namespaces: readonly (string | undefined)[];
  /** The BuildConfigs that alone are followed; empty: all. */
  readonly track: readonly string[];
  readonly ready: Health;
  readonly counts: Readonly<Record<JobState, number>>;
  /** When the oldest of the waiting jobs was taken in. */
  readonly oldestWaitingAt?: number;
}

export interface StatusParts {
  readonly queue: Pick<JobQueue, "counts" | "oldestWaiting">;
  readonly activity: Pick<ActivityMonitor, "read">;
  readonly health: Pick<HealthProbes, "readiness">;
  readonly namespaces: Status["namespaces"];
  readonly track: readonly string[];
}

export function readStatus({ queue, activity, health, namespaces, track }: StatusParts): Status {
  const oldestWaitingAt = queue.oldestWaiting();
  return {
    ...activity.read(),
    namespaces,
    track,
    ready: health.readiness(),
    counts: queue.counts(),
    ...(oldestWaitingAt !== undefined && { oldestWaitingAt }),
  };
}

/** The status as programs read it. */
export function statusJson({ namespaces, track, ready, counts, minutes, troubles, endpoint, ...times }: Status): StatusJson {
  return {
    name: "build-watcher",
    namespaces: namespaces.map((namespace) => namespace ?? "*"),
    track,
    ready: ready.ok,
    notReadyBecause: ready.ok ? [] : ready.because,
    troubles: troubles.map(({ namespace, message, since }) => ({ namespace: namespace ?? "*", message, since: isoTime(since) })),
    startedAt: isoTime(times.startedAt),
    lastEventAt: maybeIso(times.lastEventAt),
    lastListAt: maybeIso(times.lastListAt),
    lastSignAt: maybeIso(times.lastSignAt),
    jobs: counts,
    oldestWaitingAt: maybeIso(times.oldestWaitingAt),
    endpoint: {
      state: endpoint.state,
      acceptedAt: maybeIso(endpoint.acceptedAt),
      failedAt: maybeIso(endpoint.failedAt),
      message: endpoint.message,
    },
    lastHour: {
      done: minutes.reduce((sum, { done }) => sum + done, 0),
      failed: minutes.reduce((sum, { failed }) => sum + failed, 0),
    },
  };
}

/** Times are RFC 3339. */
export interface StatusJson {
  readonly name: "build-watcher";
  readonly namespaces: readonly string[];
  readonly track: readonly string[];
  readonly ready: boolean;
  readonly notReadyBecause: readonly string[];
  readonly troubles: readonly { readonly namespace: string; readonly message: string; readonly since: string }[];
  readonly startedAt: string;
  readonly lastEventAt: string | undefined;
  readonly lastListAt: string | undefined;
  readonly lastSignAt: string | undefined;
  readonly jobs: Readonly<Record<JobState, number>>;
  readonly oldestWaitingAt: string | undefined;
  readonly endpoint: {
    readonly state: Activity["endpoint"]["state"];
    readonly acceptedAt: string | undefined;
    readonly failedAt: string | undefined;
    readonly message: string | undefined;
  };
  readonly lastHour: { readonly done: number; readonly failed: number };
}

function maybeIso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : isoTime(at);
}
