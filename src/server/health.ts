import { type BuildSighting, type Watched, watchedKey } from "../cluster/cluster.ts";
import type { Clock } from "../core/clock.ts";

/** Healthy, or all reasons why not, each a sentence for people. */
export type Health = { readonly ok: true } | { readonly ok: false; readonly because: readonly string[] };

/** What probes ask. Neither answer needs the API server or the analysis endpoint: a restart would not help there. */
export interface HealthProbes {
  /** Whether the watch still works. That there is an answer shows that the event loop works. */
  liveness(): Health;
  /** Whether the builds of every watched namespace were listed once, jobs can be kept, and the bot is not stopping. */
  readiness(): Health;
}

export interface HealthMonitor extends HealthProbes {
  /** Call with every sighting. */
  see(sighting: BuildSighting): void;
  /** Call when the bot is asked to stop. */
  stop(): void;
}

export interface HealthSettings {
  /** What is watched; undefined: the whole cluster. */
  readonly namespaces: readonly (string | undefined)[];
  /** Milliseconds of silence after which a watch is reopened. */
  readonly watchTimeout: number;
  /** Why jobs cannot be kept just now; undefined while they can. */
  readonly trouble?: () => { readonly message: string } | undefined;
  readonly clock: Clock;
}

/**
 * Milliseconds that one request to a silent API server can take, including its pause: during an outage a watch reports at this interval.
 * Many namespaces then wait for each other, so any of them counts as a sign of life.
 */
const outagePace = 3 * 60_000;

export function createHealth({ namespaces, watchTimeout, trouble, clock }: HealthSettings): HealthMonitor {
  let watches = new Map(namespaces.map((namespace) => [watchedKey({ namespace }), toBeListed({ namespace })]));
  const patience = 3 * watchTimeout + outagePace;
  let due = clock.now() + patience;
  let stopping = false;

  /** A namespace that is gone or cannot be read does not make the bot unready. Its trouble is shown elsewhere. */
  function unlisted(): readonly string[] {
    if (watches.size === 0) return ["No namespace is watched yet."];
    const all = [...watches.values()];
    const isRead = all.some(({ because }) => because === undefined);
    const missing = all.filter((watch) => watch.because !== undefined && !(isRead && watch.refusals >= refusalsThatCount));
    return missing.map(({ what = "Build", namespace, because }) => `${what}s of ${namespace ?? "all namespaces"}: ${because}`);
  }

  return {
    see(sighting) {
      const pause = sighting.kind === "trouble" ? sighting.retryIn : 0;
      due = clock.now() + pause + patience;
      if (sighting.kind === "watches") {
        const known = watches;
        watches = new Map(sighting.watches.map((its) => [watchedKey(its), known.get(watchedKey(its)) ?? toBeListed(its)]));
        return;
      }
      const watch = watches.get(watchedKey(sighting));
      if (watch && sighting.kind === "synced") watch.because = undefined;
      if (watch?.because !== undefined && sighting.kind === "trouble") {
        watch.because = sighting.message;
        watch.refusals += refusals.has(sighting.reason) ? 1 : 0;
      }
    },
    stop() {
      stopping = true;
    },
    liveness() {
      // Seen builds wait to be stored, so the watch pauses. A restart would not help.
      if (trouble?.()) due = clock.now() + patience;
      const late = clock.now() - due;
      if (late <= 0 || stopping) return { ok: true };
      const silence = Math.round((late + patience) / 1000);
      return { ok: false, because: [`The watch of builds has shown no life for ${silence} seconds.`] };
    },
    readiness() {
      const reasons = [trouble?.()?.message ?? [], unlisted()].flat();
      const because = stopping ? ["The bot is stopping.", ...reasons] : reasons;
      return because.length === 0 ? { ok: true } : { ok: false, because };
    },
  };
}

interface ListedWatch extends Watched {
  /** Why it is not listed; undefined once it was. */
  because: string | undefined;
  /** How often the server refused to list it. */
  refusals: number;
}

const refusals: ReadonlySet<string> = new Set(["Forbidden", "NotServed"]);

/** About a minute and a half. */
const refusalsThatCount = 3;

function toBeListed(watch: Watched): ListedWatch {
  return { ...watch, because: "not listed yet", refusals: 0 };
}
