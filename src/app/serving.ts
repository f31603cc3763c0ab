import { plannedAnalyzers } from "../analyzers/index.ts";
import type { BuildSighting, Cluster } from "../cluster/cluster.ts";
import type { Config } from "../config/options.ts";
import type { BuildKey } from "../core/builds/build.ts";
import type { Clock } from "../core/clock.ts";
import { createGate } from "../core/gate.ts";
import { whileReachable } from "../pipeline/while-reachable.ts";
import type { JobQueue } from "../queue/job-queue.ts";
import { createSourceCheck } from "../registry/trust/host-trust.ts";
import { type ActivityMonitor, createActivity } from "../server/activity.ts";
import { createBuilds } from "../server/builds.ts";
import { createHealth, type HealthMonitor } from "../server/health.ts";
import type { RunningServer } from "../server/server.ts";
import { knownSources } from "../sources/index.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Reading } from "./opening/reading.ts";
import { hostSettings, pageSettings, serverSettings, submissionPolicy } from "./settings.ts";
import { createWebhooks } from "./webhooks.ts";

export interface ServingParts {
  readonly cluster: Pick<Cluster, "namespaces" | "readBuildLog" | "ownsImage" | "consoleUrl">;
  readonly queue: JobQueue;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Present if the bot reads packages. */
  readonly reading?: Reading | undefined;
}

/** The bot's server, and the state it shows. */
export interface Serving {
  readonly health: HealthMonitor;
  /** Call with what happens. */
  readonly activity: ActivityMonitor;
  /** Call with every sighting. */
  see(sighting: BuildSighting): void;
  /** Starts the server, unless it is switched off. Disposing of it ends it. Throws `ServerError`. */
  open(): Promise<RunningServer | undefined>;
}

/** How many bytes of a build log are shown. */
const shownLog = 64 * 1024;

/** How many logs are read for the page at once. */
const logsAtOnce = 4;

/** Milliseconds until a cluster without a console is asked again, and that it may take to answer. */
const consoleAskedEvery = 10 * 60_000;
const consolePatience = 10_000;

const consolePages = Object.fromEntries(knownSources.map((source) => [source.kind, source.console]));

/** The address of OpenShift's console: from the setting, else from the cluster, which is asked when the page is first opened. */
function consoleUrl(set: string | undefined, cluster: Pick<Cluster, "consoleUrl">, clock: Clock): () => string | undefined {
  let url = set;
  let askAt = 0;
  return () => {
    if (url !== undefined || clock.now() < askAt) return url;
    askAt = clock.now() + consoleAskedEvery;
    cluster.consoleUrl(AbortSignal.timeout(consolePatience)).then(
      (told) => {
        url = told;
      },
      () => undefined,
    );
    return undefined;
  };
}

export function createServing(config: Config, parts: ServingParts): Serving {
  const { cluster, queue, metrics, log, clock, environment, version } = parts;
  const { namespaces } = cluster;
  const health = createHealth({ namespaces, watchTimeout: config.watchTimeout, trouble: queue.trouble, clock });
  const activity = createActivity(clock);
  const builds = createBuilds(submissionPolicy(config), clock);
  const logPlaces = createGate(logsAtOnce);
  const readBuildLog = async (build: BuildKey, signal: AbortSignal) => {
    const leave = await logPlaces.enter(signal);
    return cluster.readBuildLog(build, shownLog, signal).finally(leave);
  };
  const analyzers = plannedAnalyzers(config.analyzers);
  const packages = parts.reading && { known: parts.reading.inventory.known, specVersion: config.sbomVersion };
  const askConsole = consoleUrl(config.consoleUrl, cluster, clock);
  const page = {
    ...pageSettings(config, environment),
    console: () => {
      const url = askConsole();
      return url === undefined ? undefined : { url, pages: consolePages };
    },
    builds,
    analyzers,
    packages,
    version,
    queue,
    health,
    activity,
    namespaces,
    clock,
    readBuildLog,
  };

  return {
    health,
    activity,
    see(sighting) {
      health.see(sighting);
      activity.see(sighting);
      builds.see(sighting);
    },
    async open() {
      if (!config.server) return undefined;
      await whileReachable(() => activity.recall(queue));
      const { openServer } = await import("../server/server.ts");
      const server = await openServer({
        ...serverSettings(config, environment),
        health,
        metrics,
        webhooks: createWebhooks(config, {
          queue,
          metrics,
          log,
          mayBeSource: createSourceCheck(hostSettings(config, cluster, environment)),
        }),
        page,
        report: (error) => log.warn({ err: error }, "A request could not be answered"),
      });
      const { url, adminUrl } = server;
      log.info({ url, ...(adminUrl !== url && { adminUrl }) }, "The page is at /, the probes are at /livez and /readyz");
      return server;
    },
  };
}
