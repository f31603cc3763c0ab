import type { BuildSighting } from "../cluster/cluster.ts";
import type { Clock } from "../core/clock.ts";

/** Healthy, or every reason why not, each a sentence for whoever looks at the probe. */
export type Health = { readonly ok: true } | { readonly ok: false; readonly because: readonly string[] };

/** What probes ask. Neither answer depends on the API server or the analysis endpoint being there: a restart would not mend those. */
export interface HealthProbes {
  /** Whether the watch still turns. That the event loop does is proven by any answer at all. */
  liveness(): Health;
  /** Whether the builds of every watched namespace were listed once, and the bot is not stopping. */
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
  readonly clock: Clock;
}

/**
 * Milliseconds one request to a silent API server can take, with its pause; what a watch has to say of an outage comes at this distance.
 * Many namespaces wait for each other there, so life is read from all of them together.
 */
const outagePace = 3 * 60_000;

export function createHealth({ namespaces, watchTimeout, clock }: HealthSettings): HealthMonitor {
  const unlisted = new Map<string | undefined, string>(namespaces.map((namespace) => [namespace, "not listed yet"]));
  const patience = 3 * watchTimeout + outagePace;
  let due = clock.now() + patience;
  let stopping = false;

  return {
    see(sighting) {
      const { namespace } = sighting;
      const pause = sighting.kind === "trouble" ? sighting.retryIn : 0;
      due = clock.now() + pause + patience;
      if (sighting.kind === "synced") unlisted.delete(namespace);
      if (sighting.kind === "trouble" && unlisted.has(namespace)) unlisted.set(namespace, sighting.message);
    },
    stop() {
      stopping = true;
    },
    liveness() {
      const late = clock.now() - due;
      if (late <= 0 || stopping) return { ok: true };
      const silence = Math.round((late + patience) / 1000);
      return { ok: false, because: [`The watch of builds has shown no life for ${silence} seconds.`] };
    },
    readiness() {
      const reasons = [...unlisted].map(([namespace, why]) => `Builds of ${namespace ?? "all namespaces"}: ${why}`);
      const because = stopping ? ["The bot is stopping.", ...reasons] : reasons;
      return because.length === 0 ? { ok: true } : { ok: false, because };
    },
  };
}
