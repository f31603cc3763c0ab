import { type BuildSighting, type Watched, watchedKey } from "../cluster/cluster.ts";
import type { Clock } from "../core/clock.ts";

/** Healthy, or every reason why not, each a sentence for whoever looks at the probe. */
export type Health = { readonly ok: true } | { readonly ok: false; readonly because: readonly string[] };

/** What probes ask. Neither answer depends on the API server or the analysis endpoint being there: a restart would not mend those. */
export interface HealthProbes {
  /** Whether the watch still turns. That the event loop does is proven by any answer at all. */
  liveness(): Health;
  /** Whether the builds of every watched namespace were listed once, jobs can be kept, and the bot is not stopping. */
  readiness(): Health;
}

export interface HealthMonitor extends HealthProbes {
  /** To be told of every sighting. */
  see(sighting: BuildSighting): void;
  /** To be told that the bot was asked to stop. */
  stop(): void;
}

export interface HealthSettings {
  /** What is watched; undefined stands for the whole cluster. */
  readonly namespaces: readonly (string | undefined)[];
  /** Milliseconds of silence after which a watch is reopened. */
  readonly watchTimeout: number;
  /** Why jobs cannot be kept just now; undefined while they can. */
  readonly trouble?: () => { readonly message: string } | undefined;
  readonly clock: Clock;
}

/**
 * Milliseconds one request to a silent API server can take, with its pause; what a watch has to say of an outage comes at this distance.
 * Many namespaces wait for each other there, so life is read from all of them together.
 */
const outagePace = 3 * 60_000;

export function createHealth({ namespaces, watchTimeout, trouble, clock }: HealthSettings): HealthMonitor {
  let watches = new Map(namespaces.map((namespace) => [watchedKey({ namespace }), toBeListed({ namespace })]));
  const patience = 3 * watchTimeout + outagePace;
  let due = clock.now() + patience;
  let stopping = false;

  /** A namespace that is gone, or was never to be read, does not keep the others from counting; its trouble is told elsewhere. */
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
      // What was seen waits to be kept, so the watch stands still; a restart would not help.
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
