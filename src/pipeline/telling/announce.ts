import type { BuildAnnouncer } from "../../cluster/announcer.ts";
import { type Clock, sleep } from "../../core/clock.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import type { AttemptReport, JobQueue } from "../../queue/job-queue.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { FollowResult, FollowWork } from "../analyses/follow-analyses.ts";
import { type Announcement, announcementOf, announcementOfAnalysis } from "./announcement.ts";

export interface AnnounceParts {
  readonly announcer: BuildAnnouncer;
  readonly annotate: boolean;
  readonly events: boolean;
  readonly jobs: Pick<JobQueue, "find">;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Writes the state of builds into the cluster. Best effort: it never delays jobs, and what is pending is lost when the process ends. */
export interface Announcements {
  /** Call with every attempt at a job. */
  onAttempt(attempt: AttemptReport): void;
  /** Call with every question about an analysis. */
  onFollowed(attempt: AttemptReport<FollowWork, FollowResult>): void;
  /** Gives pending writes a moment, then drops them. */
  stop(): Promise<void>;
}

type Way = "annotations" | "events";

/** What to write when its turn comes; undefined if nothing. */
type Untold = () => Promise<Announcement | undefined>;

const settings: Readonly<Record<Way, string>> = { annotations: "BUILD_WATCHER_ANNOTATE", events: "BUILD_WATCHER_EVENTS" };

/** The most pending writes; the oldest is dropped for a new one. */
const mostWaiting = 1_000;
/** Milliseconds without another try after a failure. */
const pause = 60_000;
/** Milliseconds that pending writes get when the bot stops. */
const stopGrace = 2_000;
/** How many jobs' first failures are remembered. */
const mostFailing = 10_000;

const hasAny = (fields: Announcement["fields"]) => Object.keys(fields).length > 0;

export function createAnnouncements({ announcer, annotate, events, jobs, log, clock }: AnnounceParts): Announcements {
  const waiting: Untold[] = [];
  const failing = new Set<string>();
  const pausedUntil = new Map<string, number>();
  const stopping = new AbortController();
  let telling = Promise.resolve();
  let isTelling = false;

  /** A failure is logged once, until writing works again. */
  async function attempt(way: Way, { build }: Announcement, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const place = `${way} ${build.namespace}`;
    const until = pausedUntil.get(place);
    if (until !== undefined && clock.now() < until) return;
    try {
      await act(stopping.signal);
      pausedUntil.delete(place);
    } catch (error) {
      if (stopping.signal.aborted) return;
      pausedUntil.set(place, clock.now() + pause);
      const fields = { namespace: build.namespace, setting: settings[way], error: asJobError(error).message };
      if (until === undefined) log.warn(fields, `${way === "events" ? "Events" : "Annotations"} of builds cannot be written`);
    }
  }

  async function tell(announcement: Announcement): Promise<void> {
    const { build, fields, event } = announcement;
    await Promise.all([
      annotate && hasAny(fields) && attempt("annotations", announcement, (signal) => announcer.annotate(build, fields, signal)),
      events && event && attempt("events", announcement, (signal) => announcer.event(build, event, signal)),
    ]);
  }

  async function tellAll(): Promise<void> {
    for (let next = waiting.shift(); next && !stopping.signal.aborted; next = waiting.shift()) {
      // What cannot be read now is not written: this is best effort.
      const announcement = await next().catch(() => undefined);
      if (announcement) await tell(announcement);
    }
    isTelling = false;
  }

  function add(announcement: Untold): void {
    if (stopping.signal.aborted || !(annotate || events)) return;
    if (waiting.push(announcement) > mostWaiting) waiting.shift();
    if (isTelling) return;
    isTelling = true;
    telling = tellAll();
  }

  return {
    onAttempt(report) {
      const { id } = report.record.job;
      const announcement = announcementOf(report, !failing.has(id));
      if (announcement) add(async () => announcement);
      if (report.outcome === "retrying" && failing.size < mostFailing) failing.add(id);
      if (report.outcome === "done" || report.outcome === "failed") failing.delete(id);
    },
    onFollowed({ outcome, record: { job: work, result } }) {
      if (outcome !== "done" || !result) return;
      add(async () => {
        const record = await jobs.find(work.jobId);
        return record && announcementOfAnalysis(work, result, record);
      });
    },
    async stop() {
      const timely = new AbortController();
      await Promise.race([telling, sleep(clock, stopGrace, timely.signal)]);
      timely.abort();
      stopping.abort();
      await telling;
    },
  };
}
