import type { BuildSighting } from "../cluster/cluster.ts";
import type { Config } from "../config/options.ts";
import { isoTime } from "../core/clock.ts";
import { readProxies } from "../core/hosts/proxy.ts";
import type { ImageReference } from "../core/images/image-reference.ts";
import type { SubmissionPolicy } from "../core/jobs/job.ts";
import { forgetPackages } from "../pipeline/analyses/forget-packages.ts";
import { leaveUnfollowed } from "../pipeline/analyses/leave-unfollowed.ts";
import { type AwaitedJobs, createAwaitedJobs } from "../pipeline/awaited-jobs.ts";
import { followBuilds } from "../pipeline/builds/follow-builds.ts";
import { createOnceAnImage } from "../pipeline/builds/same-image.ts";
import { type ScanCounts, scanImages } from "../pipeline/builds/scan-images.ts";
import { createLogStreams } from "../pipeline/builds/stream-logs.ts";
import { measureBuilds } from "../pipeline/measuring/measure-builds.ts";
import { measureFindings } from "../pipeline/measuring/measure-findings.ts";
import { measureSubmission } from "../pipeline/measuring/measure-submissions.ts";
import { createJobHandler } from "../pipeline/process-job.ts";
import { reportAttempt } from "../pipeline/report-attempts.ts";
import { reportOutages } from "../pipeline/report-outages.ts";
import { retryDenied } from "../pipeline/retry-denied.ts";
import type { JobHandler, JobQueue } from "../queue/job-queue.ts";
import type { ImageCopier } from "../registry/image-copier.ts";
import type { RunningServer } from "../server/server.ts";
import { pushMetrics } from "../telemetry/push-metrics.ts";
import { discover } from "./discover.ts";
import { createFirstLists } from "./first-lists.ts";
import { loginsChangedAt } from "./logins-changed.ts";
import { openParts, type Parts } from "./opening/parts.ts";
import { createServing } from "./serving.ts";
import { gatewaySettings, handlerSettings, submissionPolicy } from "./settings.ts";
import { sinceWhen } from "./since.ts";
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

/** Opens everything the settings ask for. If one part fails, the others are closed again. */
export async function openApp(config: Config, surroundings: Surroundings): Promise<App> {
  await using opened = new AsyncDisposableStack();
  const app = createApp(config, await openParts(config, surroundings, opened));
  const parts = opened.move();
  return { ...app, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

function createApp(config: Config, parts: Parts): Omit<App, typeof Symbol.asyncDispose> {
  const { cluster, queue, analyzers, reading, copier, following, notifying, announcing, metrics, log, clock } = parts;
  const policy = submissionPolicy(config);
  const awaited = createAwaitedJobs(queue, clock);
  const firstLists = createFirstLists(cluster.namespaces);
  const serving = createServing(config, parts);
  const runs = createRunsWatched();

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
      queue.work(handlerOf(config, parts, runs.areWatched), (attempt) => {
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
      const logs = config.streamLogs ? createLogStreams({ cluster, policy, log, clock }, signal) : undefined;
      const measure = measureBuilds(cluster, metrics, clock);
      const onSighting = (sighting: BuildSighting) => {
        measure(sighting);
        for (const its of [serving, firstLists, runs]) its.see(sighting);
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

/** Whether runs are watched beside OpenShift Builds. They count as watched until that is known. */
function createRunsWatched() {
  let areWatched = true;
  return {
    areWatched: () => areWatched,
    see(sighting: BuildSighting) {
      if (sighting.kind === "watches") areWatched = sighting.watches.some(({ source }) => source !== undefined);
    },
  };
}

/** How a job is done. */
function handlerOf(
  config: Config,
  { cluster, queue, analyzers, lookAt, copier, clock }: Parts,
  watchesRuns: () => boolean,
): JobHandler {
  const countsFor = config.force ? 0 : config.reanalyzeAfter;
  const onceAnImage = createOnceAnImage({ queue, countsFor, watchesRuns, clock });
  const toldWith = (image: ImageReference) => webhookJobsOf(queue, image);
  const settings = handlerSettings(config, cluster);
  return createJobHandler({ cluster, analyzers, copier, clock, lookAt, toldWith, onceAnImage, ...settings });
}

/** Which builds become jobs. Logs how far back that goes. */
async function policyOfWatch(config: Config, { queue, log, clock }: Parts): Promise<SubmissionPolicy> {
  const policy = submissionPolicy(config);
  const since = await sinceWhen(config.since, queue.marks, clock.now());
  if (since === undefined) {
    log.info("Builds that have already ended are taken in as well; BUILD_WATCHER_SINCE leaves older ones alone");
    return policy;
  }
  log.info({ since: isoTime(since) }, "Builds that ended before are left alone");
  return { ...policy, since };
}
