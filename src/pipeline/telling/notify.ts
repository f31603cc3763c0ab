import type { Clock } from "../../core/clock.ts";
import type { Delivery, Notification, Notifier } from "../../notifications/notifier.ts";
import type { AttemptReport, JobHandler, JobQueue } from "../../queue/job-queue.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { FollowQueue } from "../analyses/follow-analyses.ts";
import { eventOfAnalysis, eventOfFindings, eventOfJob } from "./job-events.ts";
import { recordsSince } from "./records-since.ts";

/** One event for one receiver. */
export interface NotifyWork {
  readonly id: string;
  /** The receiver's id; its URL can be a secret. */
  readonly receiver: string;
  readonly event: Notification;
}

type NotifyQueue = JobQueue<NotifyWork, Delivery>;

/** One delivery per receiver. */
export function notifyWorks(event: Notification, receivers: readonly string[]): readonly NotifyWork[] {
  return receivers.map((receiver) => ({ id: `${event.id}-${receiver}`, receiver, event }));
}

/** Delivers one event to one receiver. */
export function createNotifyHandler(
  notifier: Pick<Notifier, "deliver">,
  turn: (signal: AbortSignal) => Promise<void>,
): JobHandler<NotifyWork, Delivery> {
  return async ({ receiver, event }, signal) => {
    await turn(signal);
    signal.throwIfAborted();
    return notifier.deliver(receiver, event, signal);
  };
}

export interface OutboxParts {
  readonly jobs: Pick<JobQueue, "recent" | "find">;
  /** Absent when analyses are not followed. */
  readonly followed: Pick<FollowQueue, "recent"> | undefined;
  readonly notify: Pick<NotifyQueue, "add" | "forget">;
  readonly receivers: readonly string[];
  readonly clock: Clock;
}

/** Milliseconds by which the clock may have been set back between two searches. */
const slack = 5 * 60_000;
/** Milliseconds for which delivered events are remembered, so that they are not sent again. */
const remembered = 24 * 60 * 60_000;

/**
 * Makes sure that everything that ended since a time (ms) is sent once: the id shows what was already sent. Returns the time to begin at next.
 * This covers a crash between the end of a job and its notification.
 */
export async function tellSince({ jobs, followed, notify, receivers, clock }: OutboxParts, since: number): Promise<number> {
  const now = clock.now();
  const tell = async (event: Notification | undefined) => {
    for (const work of event ? notifyWorks(event, receivers) : []) await notify.add(work);
  };
  for (const state of ["done", "failed"] as const) {
    for await (const records of recordsSince(jobs, state, since)) {
      for (const record of records) {
        await tell(eventOfJob(record));
        await tell(await eventOfFindings(record, jobs));
      }
    }
  }
  for await (const records of followed ? recordsSince(followed, "done", since) : []) {
    for (const { job: work, result = {} } of records) {
      const record = await jobs.find(work.jobId);
      await tell(record && eventOfAnalysis(work, result, record));
      await tell(record && (await eventOfFindings(record, jobs)));
    }
  }
  await notify.forget({ endedBefore: now - remembered, seenBefore: now - remembered, failed: true });
  return Math.max(since, now - slack);
}

/** Logs when a receiver begins to fail, when it accepts notifications again, and what is given up. */
export function createDeliveryReports(log: Logger): (attempt: AttemptReport<NotifyWork, Delivery>) => void {
  const failing = new Set<string>();
  return ({ record, outcome }) => {
    const { receiver, event } = record.job;
    const { reason, message } = record.error ?? {};
    const subject = { receiver, event: event.id, type: event.type, reason, error: message };
    if (outcome === "failed") log.warn(subject, "A notification was given up");
    if (outcome === "retrying" && !failing.has(receiver))
      log.warn(subject, "A receiver does not accept notifications; they are kept for it");
    if (outcome === "done" && failing.has(receiver)) log.info({ receiver }, "A receiver accepts notifications again");
    if (outcome === "retrying") failing.add(receiver);
    if (outcome === "done") failing.delete(receiver);
  };
}
