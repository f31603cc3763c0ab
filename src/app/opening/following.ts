import type { Analyzer } from "../../analyzers/analyzer.ts";
import type { Config } from "../../config/options.ts";
import type { Clock } from "../../core/clock.ts";
import type { Backoff } from "../../core/jobs/retry.ts";
import {
  analysesToFollow,
  createFollowHandler,
  type FollowParts,
  type FollowQueue,
  type FollowResult,
  type FollowWork,
} from "../../pipeline/analyses/follow-analyses.ts";
import { keepFollowing } from "../../pipeline/analyses/keep-following.ts";
import { reportAnalysis } from "../../pipeline/analyses/report-analyses.ts";
import { createTakingUp } from "../../pipeline/analyses/taking-up.ts";
import { measureQueue } from "../../pipeline/measuring/measure-queue.ts";
import { createPace } from "../../pipeline/telling/pace.ts";
import { type AttemptReport, type JobQueue, QueueUnavailableError } from "../../queue/job-queue.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Queues } from "./queues.ts";

export interface FollowingParts {
  /** Analyses are followed from a queue of their own. */
  readonly queues: Queues;
  readonly jobs: JobQueue;
  readonly analyzers: readonly Analyzer[];
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Called with every question about an analysis. */
  readonly onAttempt?: (attempt: AttemptReport<FollowWork, FollowResult>) => void;
}

/** Follows analyses after their jobs are done. */
export interface Following {
  /** The analyses followed so far, for reading. */
  readonly queue: Pick<FollowQueue, "recent">;
  /** Call with every attempt at a job. */
  onAttempt(attempt: AttemptReport): void;
  /** Rejects when it cannot continue. */
  readonly ended: Promise<never>;
  /** Begins to ask about analyses, including those of earlier runs. */
  begin(): void;
  stop(): Promise<void>;
}

/** From seconds, for cached answers, to a few minutes. */
const backoff: Backoff = { initial: 2_000, cap: 5 * 60_000 };

/** Questions at once, and milliseconds between them: following must not slow down jobs. */
const workers = 2;
const questionInterval = 50;
/** Milliseconds that one question may take; the request itself has a shorter deadline. */
const questionTimeout = 150_000;
/** Milliseconds that an endpoint which is down is still asked after an analysis should have ended. */
const afterwards = 60 * 60_000;

/** Opens the following of analyses. Undefined if it is switched off or no analyzer can say how an analysis goes. */
export async function openFollowing(
  config: Config,
  parts: FollowingParts,
  opened: AsyncDisposableStack,
): Promise<Following | undefined> {
  const { jobs, queues, metrics, log, clock } = parts;
  const asks = statusQuestions(parts.analyzers);
  if (!config.follow || asks.size === 0) return undefined;
  const { followFor } = config;
  const needs = { workers, jobTimeout: questionTimeout, giveUpAfter: followFor + afterwards, backoff, clock };
  const ledger = await queues.open<FollowWork, FollowResult>("follow", needs);
  const queue = measureQueue(ledger, "follow", metrics, clock, [...asks.keys()]);
  const stopping = new AbortController();
  const turn = createPace(questionInterval, clock);
  let keeping = Promise.resolve();
  opened.defer(() => queue.close());

  const { promise: ended, reject: failed } = Promise.withResolvers<never>();
  // The bot waits for this. A command that does not must not end because of it.
  ended.catch(() => undefined);
  const failUnlessStopping = (error: unknown) => {
    if (!stopping.signal.aborted) failed(error);
  };

  /** What is not taken up now is found by the next look through the records. */
  const unlessUnavailable = (error: unknown) => {
    if (!(error instanceof QueueUnavailableError)) failUnlessStopping(error);
  };

  const done = createTakingUp({ jobs, follow: queue, clock, signal: stopping.signal, failed: unlessUnavailable });

  return {
    queue,
    ended,
    onAttempt({ outcome, record }) {
      if (outcome !== "done") return;
      if (asks.has(record.job.analyzer)) for (const work of analysesToFollow(record)) done.add(work);
    },
    begin() {
      const ask: FollowParts["ask"] = async (analyzer, id, signal) => {
        await turn(signal);
        signal.throwIfAborted();
        return asks.get(analyzer)?.(id, signal);
      };
      const handler = createFollowHandler({ jobs, ask, followFor, clock });
      queue.ended.catch(failUnlessStopping);
      queue.work(handler, (attempt) => {
        void reportAnalysis({ jobs, log, metrics }, attempt);
        parts.onAttempt?.(attempt);
      });
      const keep = { jobs, follow: queue, followFor, clock, isFollowed: (analyzer: string) => asks.has(analyzer) };
      keeping = jobs
        .alone("keep following analyses", (signal) => keepFollowing(keep, signal), stopping.signal)
        .catch(failUnlessStopping);
    },
    async stop() {
      stopping.abort();
      await Promise.all([done.flush(), queue.stop(0), keeping]);
    },
  };
}

/** How to ask each analyzer about an analysis, if it can be asked. */
function statusQuestions(analyzers: readonly Analyzer[]): ReadonlyMap<string, NonNullable<Analyzer["status"]>> {
  return new Map(
    analyzers.flatMap((analyzer) => (analyzer.status ? [[analyzer.name, analyzer.status.bind(analyzer)] as const] : [])),
  );
}
