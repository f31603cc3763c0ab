import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Analyzer } from "../../analyzers/analyzer.ts";
import { openAnalyzers } from "../../analyzers/index.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import type { Config } from "../../config/options.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { databaseAddress } from "../../core/hosts/database-url.ts";
import { readProxies } from "../../core/hosts/proxy.ts";
import { SetupError } from "../../core/jobs/errors.ts";
import type { Job } from "../../core/jobs/job.ts";
import type { LookAt } from "../../pipeline/builds/inspect-image.ts";
import { measureQueue } from "../../pipeline/measuring/measure-queue.ts";
import { measureReplicas } from "../../pipeline/measuring/measure-replicas.ts";
import { type MeasuredRequest, measureCopy, measureRequest } from "../../pipeline/measuring/measure-submissions.ts";
import { type Announcements, createAnnouncements } from "../../pipeline/telling/announce.ts";
import { movedMark } from "../../queue/index.ts";
import type { JobQueue, JobResult } from "../../queue/job-queue.ts";
import { createHostLimits } from "../../registry/copying/host-limits.ts";
import type { CopyReport, ImageCopier } from "../../registry/image-copier.ts";
import type { Logger } from "../../telemetry/log.ts";
import { createMetrics, type Metrics } from "../../telemetry/metrics.ts";
import { clusterSettings, queueSettings } from "../settings.ts";
import { assertPrivateState } from "../state-directory.ts";
import type { Surroundings } from "../surroundings.ts";
import { documentAttacher } from "./attaching.ts";
import { openCopier } from "./copying.ts";
import { openDocuments } from "./documents.ts";
import { type Following, openFollowing } from "./following.ts";
import { type Notifying, openNotifying } from "./notifying.ts";
import { openCluster } from "./open-cluster.ts";
import { openQueues, type Queues } from "./queues.ts";
import { looksThrough, openDoor, openReading, type Reading, readsPackages } from "./reading.ts";

/** What the bot is made of. */
export interface Parts {
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

/** Opens everything the settings ask for, and puts it on the stack to be closed. */
export async function openParts(config: Config, surroundings: Surroundings, opened: AsyncDisposableStack): Promise<Parts> {
  const { log, environment, clock = systemClock, version = "" } = surroundings;
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
  return { ...made, metrics, log, clock, environment, version };
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

/** What the bot does without an analysis service, by its only analyzer. */
const withoutService: Readonly<Record<string, string>> = {
  packages: "The bot reads the packages of each image; set THOTH_USER_API_HOST to submit images to an analysis service",
  none: "No analysis is set up: images are shown, and copied if THOTH_PUSH_REGISTRY is set",
};

/** The directory of the ledger. A dry run has its own temporary one, so that nothing is remembered as submitted. */
async function stateDirectory(config: Config, opened: AsyncDisposableStack): Promise<string> {
  if (!config.dryRun) return config.stateDirectory;
  const directory = await mkdtemp(join(tmpdir(), "build-watcher-dry-run-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
