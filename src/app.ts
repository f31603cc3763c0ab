import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Analyzer } from "./analyzers/analyzer.ts";
import { openAnalyzer } from "./analyzers/index.ts";
import type { BuildSighting, Cluster } from "./cluster/cluster.ts";
import { openCluster } from "./cluster/openshift.ts";
import type { Config } from "./config/options.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import { asJobError } from "./core/errors.ts";
import type { SubmissionPolicy } from "./core/job.ts";
import { parseLabelSelector } from "./core/label-selector.ts";
import { type AwaitedJobs, createAwaitedJobs } from "./pipeline/awaited-jobs.ts";
import { followBuilds } from "./pipeline/follow-builds.ts";
import { createJobHandler } from "./pipeline/process-job.ts";
import { registryLogins } from "./pipeline/registry-logins.ts";
import { reportAttempt } from "./pipeline/report-attempts.ts";
import { type ScanCounts, scanImages } from "./pipeline/scan-images.ts";
import { openEmbeddedQueue } from "./queue/index.ts";
import type { JobQueue } from "./queue/job-queue.ts";
import { createHealth } from "./server/health.ts";
import type { RunningServer } from "./server/server.ts";
import type { Logger } from "./telemetry/log.ts";

/** The bot, wired and at rest: each verb sets one part of it going. */
export interface App extends AsyncDisposable {
  readonly queue: JobQueue;
  readonly policy: SubmissionPolicy;
  /** Resolves when the builds of every watched namespace were listed once. */
  readonly synced: Promise<void>;
  /** Asks the analysis endpoint whether it is there; says so in the log when not, since jobs can wait for it. */
  discover(signal: AbortSignal): Promise<void>;
  /** Answers probes, unless switched off; disposing of the server ends it. Throws `ServerError`. */
  serve(): Promise<RunningServer | undefined>;
  /** Starts running jobs. */
  work(): void;
  /** Follows builds until the signal fires. */
  follow(signal: AbortSignal): Promise<void>;
  /** Takes in what lies in image streams. */
  scan(signal: AbortSignal, onProgress: (counts: ScanCounts) => void): Promise<ScanCounts>;
  readonly take: AwaitedJobs["take"];
  /** Resolves when every job taken in by `take` and `scan` ended, or the signal fires; says how many failed. */
  readonly settled: AwaitedJobs["settled"];
  /** Lets running jobs end within the grace, then interrupts them. */
  stop(): Promise<void>;
}

interface Parts {
  readonly cluster: Cluster;
  readonly queue: JobQueue;
  readonly analyzer: Analyzer;
  readonly log: Logger;
  readonly clock: Clock;
  readonly environment: Surroundings["environment"];
}

/** The outside world, as far as it is not named by settings. */
export interface Surroundings {
  readonly log: Logger;
  /** The variables the bot was started with: where kubeconfig and pod are looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}

/** Opens everything the settings ask for; what was opened is closed again when a part cannot be. */
export async function openApp(config: Config, { log, environment, clock = systemClock }: Surroundings): Promise<App> {
  await using opened = new AsyncDisposableStack();
  const directory = await stateDirectory(config, opened);
  const queue = opened.adopt(await openEmbeddedQueue({ ...config, directory, clock }), (part) => part.close());
  const cluster = opened.adopt(await openCluster({ ...clusterSettings(config), environment, clock }), (part) => part.close());
  const { analyzer, close } = openAnalyzer(config, clock);
  opened.defer(close);
  const app = createApp(config, { cluster, queue, analyzer, log, clock, environment });
  const parts = opened.move();
  return { ...app, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

function createApp(config: Config, parts: Parts): Omit<App, typeof Symbol.asyncDispose> {
  const { cluster, queue, analyzer, log, clock, environment } = parts;
  const policy = submissionPolicy(config);
  const awaited = createAwaitedJobs(queue);
  const firstLists = createFirstLists(cluster.namespaces);
  const health = createHealth({ namespaces: cluster.namespaces, watchTimeout: config.watchTimeout, clock });
  const handler = createJobHandler({ cluster, analyzer, ...handlerSettings(config, cluster) });

  return {
    queue,
    policy,
    synced: firstLists.complete,
    discover: (signal) =>
      analyzer.discover(signal).catch((error: unknown) => {
        const { reason, message } = asJobError(error);
        if (!signal.aborted) log.error({ reason }, message);
      }),
    async serve() {
      if (!config.server) return undefined;
      const { openServer } = await import("./server/server.ts");
      const server = await openServer({ ...serverSettings(config, environment), health });
      log.info({ url: server.url }, "Answering probes at /livez and /readyz");
      return server;
    },
    work: () =>
      queue.work(handler, (attempt) => {
        reportAttempt(log, attempt);
        awaited.onAttempt(attempt);
      }),
    follow(signal) {
      const onSighting = (sighting: BuildSighting) => {
        health.see(sighting);
        firstLists.see(sighting);
      };
      return followBuilds({ cluster, queue, policy, log, clock, keep: config.keep, onSighting }, signal);
    },
    scan: (signal, onProgress) =>
      scanImages({ cluster, take: (job) => awaited.take(job, { again: config.force }), log, onProgress }, signal),
    take: awaited.take,
    settled: awaited.settled,
    stop() {
      health.stop();
      return queue.stop(config.shutdownGrace);
    },
  };
}

/** Notices when every watched namespace was listed once. */
function createFirstLists(namespaces: Cluster["namespaces"]) {
  const missing = new Set(namespaces);
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  return {
    complete,
    see(sighting: BuildSighting): void {
      if (sighting.kind === "synced" && missing.delete(sighting.namespace) && missing.size === 0) resolve();
    },
  };
}

/** Where the ledger lies; a dry run has one of its own for its time, so that what it leaves unsubmitted is not remembered as done. */
async function stateDirectory(config: Config, opened: AsyncDisposableStack): Promise<string> {
  if (!config.dryRun) return config.stateDirectory;
  const directory = await mkdtemp(join(tmpdir(), "build-watcher-dry-run-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function clusterSettings(config: Config) {
  const { namespaces, labelSelector, verifyClusterTls, clusterUrl, watchTimeout, registryRoute } = config;
  return { namespaces, labelSelector, verifyTls: verifyClusterTls, url: clusterUrl, watchTimeout, registryRoute };
}

/** In a pod probes come from outside of it; elsewhere the server is nobody else's business. */
function serverSettings({ host, port }: Config, { KUBERNETES_SERVICE_HOST: inPod }: Surroundings["environment"]) {
  return { host: host ?? (inPod ? undefined : "127.0.0.1"), port };
}

function submissionPolicy(config: Config): SubmissionPolicy {
  return {
    outputImage: !config.noOutput,
    baseImage: !config.noBase,
    buildLog: !config.noBuildLog,
    failedBuilds: config.failedBuilds,
    track: config.track,
    matchesLabels: config.labelSelector === undefined ? () => true : parseLabelSelector(config.labelSelector),
  };
}

function handlerSettings(config: Config, cluster: Cluster) {
  const { destinationUser: user, destinationPassword: password } = config;
  return {
    loginFor: registryLogins(cluster, config).loginFor,
    destinationLogin: user && password ? { user, password } : undefined,
    verifySourceTls: !config.noSourceTlsVerify,
    verifyDestinationTls: !config.noDestinationTlsVerify,
    buildLogLimit: config.buildLogLimit,
  };
}
