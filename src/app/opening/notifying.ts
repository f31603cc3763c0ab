import type { Config } from "../../config/options.ts";
import type { Clock } from "../../core/clock.ts";
import type { Proxies } from "../../core/hosts/proxy.ts";
import type { Backoff } from "../../core/jobs/retry.ts";
import { createHttpNotifier } from "../../notifications/http-notifier.ts";
import type { Delivery, Notification } from "../../notifications/notifier.ts";
import type { FollowResult, FollowWork } from "../../pipeline/analyses/follow-analyses.ts";
import { measureQueue } from "../../pipeline/measuring/measure-queue.ts";
import { measureRequest } from "../../pipeline/measuring/measure-submissions.ts";
import { createBatches } from "../../pipeline/telling/batches.ts";
import { eventOfAnalysis, eventOfFindings, eventOfJob } from "../../pipeline/telling/job-events.ts";
import { createLostBotWatch } from "../../pipeline/telling/lost-bots.ts";
import {
  createDeliveryReports,
  createNotifyHandler,
  type NotifyWork,
  notifyWorks,
  tellSince,
} from "../../pipeline/telling/notify.ts";
import { createPace } from "../../pipeline/telling/pace.ts";
import type { AttemptReport, JobQueue, JobRecord } from "../../queue/job-queue.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Following } from "./following.ts";
import type { Queues } from "./queues.ts";

export interface NotifyingParts {
  /** Notifications wait in a queue of their own. */
  readonly queues: Queues;
  readonly jobs: JobQueue;
  readonly inPod: boolean;
  readonly proxies: Proxies;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Notifies receivers of ended jobs and analyses. */
export interface Notifying {
  /** Call with every attempt at a job. */
  onAttempt(attempt: AttemptReport): void;
  /** Call with every question about an analysis. */
  onFollowed(attempt: AttemptReport<FollowWork, FollowResult>): void;
  /** Rejects when it cannot continue. */
  readonly ended: Promise<never>;
  /** Begins to deliver, starting with what an earlier bot did not send. */
  begin(followed: Following["queue"] | undefined): void;
  stop(): Promise<void>;
}

/** Milliseconds that events are collected before they are written to the ledger together. */
const writeDelay = 200;
/** Deliveries at once, and milliseconds between them: events must not slow down jobs. */
const workers = 4;
const deliveryInterval = 20;
/** Milliseconds that one delivery may take; the request itself has a shorter deadline. */
const deliveryTimeout = 60_000;
const backoff: Backoff = { initial: 2_000, cap: 5 * 60_000 };
/** Milliseconds that running deliveries get when the bot stops. */
const stopGrace = 2_000;
/** Milliseconds between two searches for missed notifications, unless a bot is gone that may have left some. */
const lookInterval = 10 * 60_000;

/** Up to when everything was sent: milliseconds since the epoch. */
const toldUntil = "notify/told-until";

/** Opens notifications. Without receivers it only forgets up to when they were sent. */
export async function openNotifying(config: Config, parts: NotifyingParts, opened: AsyncDisposableStack): Promise<Notifying> {
  const { jobs, queues, inPod, proxies, metrics, log, clock } = parts;
  // What cannot be forgotten now is forgotten at the next start.
  if (config.notifyUrl.length === 0 || config.dryRun)
    return silent(() => void jobs.marks.clear(toldUntil).catch(() => undefined));
  const onRequest = (request: Parameters<typeof measureRequest>[2]) => measureRequest(metrics, "notify", request);
  const { notifyUrl: urls, notifySecret: secret, notifyAllowLocal: allowLocal, giveUpAfter } = config;
  const { notifyFormat: format, publicUrl: pageUrl } = config;
  const notifier = createHttpNotifier({ urls, secret, format, pageUrl, allowLocal, inPod, proxies, clock, onRequest });
  opened.defer(() => notifier.close());
  const needs = { workers, jobTimeout: deliveryTimeout, giveUpAfter, backoff, clock };
  const queue = measureQueue(await queues.open<NotifyWork, Delivery>("notify", needs), "notify", metrics, clock);
  opened.defer(() => queue.close());
  const stopping = new AbortController();
  let looking = Promise.resolve();

  const { promise: ended, reject: failed } = Promise.withResolvers<never>();
  // The bot waits for this. A command that does not must not end because of it.
  ended.catch(() => undefined);
  const failUnlessStopping = (error: unknown) => {
    if (!stopping.signal.aborted) failed(error);
  };

  const events = createBatches<Notification>(writeDelay, clock, (batch) => {
    for (const work of batch.flatMap((event) => notifyWorks(event, notifier.receivers)))
      queue.add(work).catch(failUnlessStopping);
  });

  const telling = createTelling(jobs, events.add);

  async function lookForUntold(followed: Following["queue"] | undefined, signal: AbortSignal): Promise<void> {
    const untilLost = createLostBotWatch(jobs, clock);
    // Who is there now: a bot that is lost during the first search is noticed after it.
    await untilLost(0, signal);
    const told = Number.parseInt((await jobs.marks.read(toldUntil)) ?? "", 10);
    for (let since = Number.isNaN(told) ? clock.now() : told; !signal.aborted; ) {
      await jobs.marks.write(toldUntil, `${since}\n`);
      since = await tellSince({ jobs, followed, notify: queue, receivers: notifier.receivers, clock }, since);
      await jobs.marks.write(toldUntil, `${since}\n`);
      await untilLost(lookInterval, signal);
    }
  }

  return {
    ended,
    onAttempt: telling.onAttempt,
    onFollowed: telling.onFollowed,
    begin(followed) {
      queue.ended.catch(failUnlessStopping);
      const turn = createPace(deliveryInterval, clock);
      queue.work(createNotifyHandler(notifier, turn), createDeliveryReports(log));
      looking = jobs
        .alone("tell what was not told", (signal) => lookForUntold(followed, signal), stopping.signal)
        .catch(failUnlessStopping);
    },
    async stop() {
      await telling.settled();
      events.flush();
      stopping.abort();
      await Promise.all([queue.stop(stopGrace), looking]);
    },
  };
}

/** Finds what to send, in the order in which things ended. What cannot be read now is sent by the next search for missed notifications. */
function createTelling(
  jobs: JobQueue,
  tell: (event: Notification) => void,
): Pick<Notifying, "onAttempt" | "onFollowed"> & { settled(): Promise<void> } {
  let last = Promise.resolve();

  function inTurn(eventOf: () => Promise<Notification | undefined>): void {
    last = last.then(eventOf).then(
      (event) => void (event && tell(event)),
      () => undefined,
    );
  }

  function ofJob(id: string, eventOf: (record: JobRecord) => Notification | undefined | Promise<Notification | undefined>): void {
    inTurn(async () => {
      const record = await jobs.find(id);
      return record && eventOf(record);
    });
  }

  return {
    settled: () => last,
    onAttempt({ outcome, record }) {
      if (outcome === "done" || outcome === "failed") inTurn(async () => eventOfJob(record));
      if (outcome === "done") inTurn(() => eventOfFindings(record, jobs));
    },
    onFollowed({ outcome, record: { job: work, result } }) {
      if (outcome !== "done" || result?.state === undefined) return;
      ofJob(work.jobId, (record) => eventOfAnalysis(work, result, record));
      ofJob(work.jobId, (record) => eventOfFindings(record, jobs));
    },
  };
}

/** Without receivers. Receivers that are added later do not get earlier events. */
function silent(begin: () => void): Notifying {
  const ended = new Promise<never>(() => undefined);
  return { ended, onAttempt: () => undefined, onFollowed: () => undefined, begin, stop: async () => undefined };
}
