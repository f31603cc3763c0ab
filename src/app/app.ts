import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Analyzer } from "../analyzers/analyzer.ts";
import { openAnalyzers } from "../analyzers/index.ts";
import { type BuildSighting, type Cluster, watchedKey } from "../cluster/cluster.ts";
import type { Config } from "../config/options.ts";
import { type Clock, isoTime, systemClock } from "../core/clock.ts";
import { databaseAddress } from "../core/hosts/database-url.ts";
import { readProxies } from "../core/hosts/proxy.ts";
import type { ImageReference } from "../core/images/image-reference.ts";
import { asJobError, SetupError } from "../core/jobs/errors.ts";
import type { Job, SubmissionPolicy } from "../core/jobs/job.ts";
import { forgetPackages } from "../pipeline/analyses/forget-packages.ts";
import { leaveUnfollowed } from "../pipeline/analyses/leave-unfollowed.ts";
import { type AwaitedJobs, createAwaitedJobs } from "../pipeline/awaited-jobs.ts";
import { followBuilds } from "../pipeline/builds/follow-builds.ts";
import type { LookAt } from "../pipeline/builds/inspect-image.ts";
import { createOnceAnImage } from "../pipeline/builds/same-image.ts";
import { type ScanCounts, scanImages } from "../pipeline/builds/scan-images.ts";
import { createLogStreams } from "../pipeline/builds/stream-logs.ts";
import { measureBuilds } from "../pipeline/measuring/measure-builds.ts";
import { measureFindings } from "../pipeline/measuring/measure-findings.ts";
import { measureQueue } from "../pipeline/measuring/measure-queue.ts";
import { measureReplicas } from "../pipeline/measuring/measure-replicas.ts";
import {
  type MeasuredRequest,
  measureCopy,
  measureRequest,
  measureSubmission,
} from "../pipeline/measuring/measure-submissions.ts";
import { createJobHandler } from "../pipeline/process-job.ts";
import { reportAttempt } from "../pipeline/report-attempts.ts";
import { reportOutages } from "../pipeline/report-outages.ts";
import { retryDenied } from "../pipeline/retry-denied.ts";
import { type Announcements, createAnnouncements } from "../pipeline/telling/announce.ts";
import { movedMark } from "../queue/index.ts";
import type { JobHandler, JobQueue, JobResult } from "../queue/job-queue.ts";
import { createHostLimits } from "../registry/copying/host-limits.ts";
import type { CopyReport, ImageCopier } from "../registry/image-copier.ts";
import type { ActivityMonitor } from "../server/activity.ts";
import type { RunningServer } from "../server/server.ts";
import type { Logger } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { pushMetrics } from "../telemetry/push-metrics.ts";
import { loginsChangedAt } from "./logins-changed.ts";
import { documentAttacher } from "./opening/attaching.ts";
import { openCopier } from "./opening/copying.ts";
import { openDocuments } from "./opening/documents.ts";
import { type Following, openFollowing } from "./opening/following.ts";
import { type Notifying, openNotifying } from "./opening/notifying.ts";
import { openCluster } from "./opening/open-cluster.ts";
import { openQueues, type Queues } from "./opening/queues.ts";
import { looksThrough, openDoor, openReading, type Reading, readsPackages } from "./opening/reading.ts";
import { createServing } from "./serving.ts";
import { clusterSettings, gatewaySettings, handlerSettings, queueSettings, submissionPolicy } from "./settings.ts";
import { sinceWhen } from "./since.ts";
import { assertPrivateState } from "./state-directory.ts";
import type { Surroundings } from "./surroundings.ts";
import { webhookJobsOf } from "./webhooks.ts";

/** The bot, wired but not started: each method starts one part. */
export interface App extends AsyncDisposable {
  readonly queue: JobQueue;
  readonly policy: SubmissionPolicy;
  /** Present when there is a push registry. */
  readonly copier: ImageCopier | undefined;
  /** Rejects when a part that works in the background ends for good. */
  readonly ended: Promise<void>;
  /** Resolves when the builds of every watched namespace were listed once. */
  readonly synced: Promise<void>;
  /** Asks every analyzer whether it is there. Logs those that are not, because jobs can wait for them. */
  discover(signal: AbortSignal): Promise<void>;
  /** Answers probes, unless switched off; disposing of the server ends it. Throws `ServerError`. */
  serve(): Promise<RunningServer | undefined>;
  /** Pushes metrics until it is disposed of, if there is a push gateway. */
  pushMetrics(): AsyncDisposable | undefined;
  /** Starts running jobs. */
  work(): void;
  /** Begins to follow submitted analyses and to send notifications, including those of earlier runs. */
  lookAfter(): void;
  /** Follows builds until the signal fires. */
  follow(signal: AbortSignal): Promise<void>;
  /** Takes in the images of image streams. */
  scan(signal: AbortSignal, onProgress: (counts: ScanCounts) => void): Promise<ScanCounts>;
  readonly take: AwaitedJobs["take"];
  /** Resolves when every job taken in by `take` and `scan` has ended, or the signal fires. Counts how they ended. */
  readonly settled: AwaitedJobs["settled"];
  /** Lets running jobs end within the grace, then interrupts them. */
  stop(): Promise<void>;
}

interface Parts {
  readonly cluster: Cluster;
  readonly queue: JobQueue;
  readonly analyzers: readonly Analyzer[];
  readonly reading: Reading | undefined;
  readonly lookAt: LookAt | undefined;
  readonly copier: ImageCopier | undefined;
  readonly following: Following | undefined;
  readonly notifying: Notifying;
  readonly announcing: Announcements;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  readonly environment: Surroundings["environment"];
  readonly version: string;
}

/** Opens everything the settings ask for. If one part fails, the others are closed again. */
export async function openApp(config: Config, surroundings: Surroundings): Promise<App> {
  const { log, environment, clock = systemClock, version = "" } = surroundings;
  await using opened = new AsyncDisposableStack();
  const directory = await stateDirectory(config, opened);
  assertPrivateState(directory, { inPod: Boolean(environment.KUBERNETES_SERVICE_HOST), uid: surroundings.host.getuid?.() });
  const metrics = createMetrics({ ofProcess: true });
  metrics.gauge("info", () => [{ labels: { version }, value: 1 }]);
  const queues = openQueues(config, directory, surroundings, opened);
  const queue = opened.adopt(await openJobs(config, queues, metrics, clock), (part) => part.close());
  const cluster = opened.adopt(
    await openCluster({ ...clusterSettings(config), shelf: queue.shelf, environment, clock }),
    (part) => part.close(),
  );
  const { proxies } = readProxies(environment);
  const limits = createHostLimits(config.perRegistry, clock);
  const own = { directory, environment, clock, host: surroundings.host, log, limits };
  const reading = readsPackages(config) ? await openReading(config, cluster, own, opened) : undefined;
  const lookAt = config.dryRun ? undefined : looksThrough(reading ?? (await openDoor(config, cluster, own, opened)));
  const documents = openDocuments(config, reading);
  const attaching = reading && { ...reading, attach: documentAttacher(config, cluster, reading) };
  const onRequest = (name: string, request: MeasuredRequest) => measureRequest(metrics, name, request);
  const { analyzers } = opened.use(
    openAnalyzers(config, {
      ...surroundings,
      clock,
      stateDirectory: directory,
      onRequest,
      proxies,
      reading: attaching,
      documents,
    }),
  );
  const words = withoutService[config.analyzers.join()];
  if (words && config.analysisHost === undefined) log.info(words);
  const onCopy = (event: CopyReport) => {
    surroundings.onCopy?.(event);
    measureCopy(metrics, event);
  };
  const copier = await openCopier(
    config,
    cluster,
    { ...surroundings, onCopy, stateDirectory: directory, memory: queue.tags, limits },
    opened,
  );
  const after = { queues, jobs: queue, metrics, log, clock };
  const notifying = await openNotifying(
    config,
    { ...after, inPod: Boolean(environment.KUBERNETES_SERVICE_HOST), proxies },
    opened,
  );
  const writes = { annotate: config.annotate && !config.dryRun, events: config.events && !config.dryRun };
  const announcing = createAnnouncements({ announcer: cluster.announcer, ...writes, jobs: queue, log, clock });
  const onFollowed: Notifying["onFollowed"] = (attempt) => {
    notifying.onFollowed(attempt);
    announcing.onFollowed(attempt);
  };
  const following = await openFollowing(config, { ...after, analyzers, onAttempt: onFollowed }, opened);
  const made = { cluster, queue, analyzers, reading, lookAt, copier, following, notifying, announcing };
  const app = createApp(config, { ...made, metrics, log, clock, environment, version });
  const parts = opened.move();
  return { ...app, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

async function openJobs(config: Config, queues: Queues, metrics: Metrics, clock: Clock): Promise<JobQueue> {
  const jobs = await queues.open<Job, JobResult>("submit", { ...queueSettings(config), clock });
  const moved = await jobs.marks.read(movedMark);
  if (moved !== undefined) {
    await jobs.close();
    throw new SetupError(movedWords(moved));
  }
  measureReplicas({ queue: jobs, metrics, database: config.databaseUrl && databaseAddress(config.databaseUrl) });
  return measureQueue(jobs, "submit", metrics, clock, config.analyzers);
}

function movedWords(to: string): string {
  return `The jobs here were copied to ${to} by "build-watcher ledger copy", and would be submitted twice. Let BUILD_WATCHER_DATABASE_URL or BUILD_WATCHER_STATE_DIR name that place, or copy them back`;
}

function createApp(config: Config, parts: Parts): Omit<App, typeof Symbol.asyncDispose> {
  const { cluster, queue, analyzers, reading, copier, following, notifying, announcing, metrics, log, clock } = parts;
  const policy = submissionPolicy(config);
  const awaited = createAwaitedJobs(queue, clock);
  const firstLists = createFirstLists(cluster.namespaces);
  const serving = createServing(config, parts);

  return {
    queue,
    policy,
    copier,
    synced: firstLists.complete,
    async discover(signal) {
      await Promise.all(analyzers.map((analyzer) => discover(analyzer, { activity: serving.activity, log }, signal)));
    },
    serve: serving.open,
    pushMetrics: () => {
      const gateway = gatewaySettings(config, cluster);
      const { proxies } = readProxies(parts.environment);
      return gateway && pushMetrics({ ...gateway, metrics, log, clock, proxies });
    },
    work: () =>
      queue.work(handlerOf(config, parts), (attempt) => {
        reportAttempt(log, attempt);
        measureSubmission(metrics, attempt);
        awaited.onAttempt(attempt);
        serving.activity.onAttempt(attempt);
        following?.onAttempt(attempt);
        notifying.onAttempt(attempt);
        announcing.onAttempt(attempt);
      }),
    ended: Promise.race([queue.ended, notifying.ended, ...(following ? [following.ended] : [])]),
    lookAfter() {
      notifying.begin(following?.queue);
      if (following) following.begin();
      // If the ledger cannot be read, another part ends the bot.
      else leaveUnfollowed({ jobs: queue, isFollowed: () => false }, clock.now()).catch(() => undefined);
    },
    async follow(signal) {
      const logs = config.streamLogs ? createLogStreams({ cluster, policy, log }, signal) : undefined;
      const measure = measureBuilds(cluster, metrics, clock);
      const onSighting = (sighting: BuildSighting) => {
        measure(sighting);
        serving.see(sighting);
        firstLists.see(sighting);
        logs?.see(sighting);
      };
      // If the ledger cannot be read, another part ends the bot.
      measureFindings({ queue, metrics, clock }, signal).catch(() => undefined);
      void reportOutages({ queue, log, clock }, signal);
      if (reading) void forgetPackages({ inventory: reading.inventory, queue, log, clock }, signal);
      void retryDenied({ queue, loginsChangedAt: () => loginsChangedAt(config), log, clock }, signal);
      const wanted = await policyOfWatch(config, parts);
      await followBuilds({ cluster, queue, policy: wanted, log, clock, keep: config.keep, onSighting }, signal);
      await logs?.ended();
    },
    scan: (signal, onProgress) =>
      scanImages(
        { cluster, analyzers, take: (job) => awaited.take(job, { again: config.force ? "always" : "failed" }), log, onProgress },
        signal,
      ),
    take: awaited.take,
    settled: awaited.settled,
    async stop() {
      serving.health.stop();
      await queue.stop(config.shutdownGrace);
      await following?.stop();
      await Promise.all([notifying.stop(), announcing.stop()]);
    },
  };
}

/** How a job is done. */
function handlerOf(config: Config, { cluster, queue, analyzers, lookAt, copier, clock }: Parts): JobHandler {
  const onceAnImage = createOnceAnImage({ queue, countsFor: config.force ? 0 : config.reanalyzeAfter, clock });
  const toldWith = (image: ImageReference) => webhookJobsOf(queue, image);
  const settings = handlerSettings(config, cluster);
  return createJobHandler({ cluster, analyzers, copier, clock, lookAt, toldWith, onceAnImage, ...settings });
}

/** What the bot does without an analysis service, by its only analyzer. */
const withoutService: Readonly<Record<string, string>> = {
  packages: "The bot reads the packages of each image; set THOTH_USER_API_HOST to submit images to an analysis service",
  none: "No analysis is set up: images are shown, and copied if THOTH_PUSH_REGISTRY is set",
};

async function discover(
  analyzer: Analyzer,
  { activity, log }: { readonly activity: Pick<ActivityMonitor, "discovered">; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  try {
    await analyzer.discover(signal);
    activity.discovered(analyzer.name);
  } catch (error) {
    if (signal.aborted) return;
    const { reason, message } = asJobError(error);
    activity.discovered(analyzer.name, message);
    log.error({ reason, analyzer: analyzer.name }, message);
  }
}

/** Notices when every watched namespace was listed once or refused it: a namespace that cannot be read must not hold up the others. */
function createFirstLists(namespaces: Cluster["namespaces"]) {
  let missing = new Set(namespaces.map((namespace) => watchedKey({ namespace })));
  const seen = new Set<string>();
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  return {
    complete,
    see(sighting: BuildSighting): void {
      if (sighting.kind === "watches") missing = new Set(sighting.watches.map(watchedKey).filter((key) => !seen.has(key)));
      const refused = sighting.kind === "trouble" && (sighting.reason === "Forbidden" || sighting.reason === "NotServed");
      if (!refused && sighting.kind !== "synced") return;
      seen.add(watchedKey(sighting));
      if (missing.delete(watchedKey(sighting)) && missing.size === 0) resolve();
    },
  };
}

/** Which builds become jobs. Logs how far back that goes. */
async function policyOfWatch(config: Config, { queue, log, clock }: Parts): Promise<SubmissionPolicy> {
  const policy = submissionPolicy(config);
  const since = await sinceWhen(config.since, queue.marks, clock.now());
  if (since === undefined) {
    log.info("Builds that have already ended are submitted as well; BUILD_WATCHER_SINCE leaves older ones alone");
    return policy;
  }
  log.info({ since: isoTime(since) }, "Builds that ended before are left alone");
  return { ...policy, since };
}

/** The directory of the ledger. A dry run has its own temporary one, so that nothing is remembered as submitted. */
async function stateDirectory(config: Config, opened: AsyncDisposableStack): Promise<string> {
  if (!config.dryRun) return config.stateDirectory;
  const directory = await mkdtemp(join(tmpdir(), "build-watcher-dry-run-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
