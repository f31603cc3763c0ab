import { type BuildSighting, type Cluster, type Watched, watchedKey } from "../../cluster/cluster.ts";
import { type BuildOutcome, eachImage } from "../../core/builds/build-outcome.ts";
import type { Clock } from "../../core/clock.ts";
import { describeJob, planJobs, type SubmissionPolicy } from "../../core/jobs/job.ts";
import type { JobQueue } from "../../queue/job-queue.ts";
import type { Logger } from "../../telemetry/log.ts";
import { whileReachable } from "../while-reachable.ts";

export interface FollowBuildsParts {
  readonly cluster: Pick<Cluster, "watchBuilds" | "namespaces">;
  readonly queue: Pick<JobQueue, "add" | "forget" | "once">;
  readonly policy: SubmissionPolicy;
  readonly log: Logger;
  readonly clock: Clock;
  /** Milliseconds for which an ended job is remembered at least. */
  readonly keep: number;
  /** Called with every sighting once its jobs are on disk. */
  readonly onSighting?: (sighting: BuildSighting) => void;
}

/** Milliseconds within which one of several bots alone forgets. */
const forgetInterval = 60_000;

/** Turns every ended build into jobs, until the signal fires. A sighting is done when its jobs are on disk. */
export async function followBuilds(parts: FollowBuildsParts, signal: AbortSignal): Promise<void> {
  const { cluster, queue, log, clock, keep, onSighting } = parts;
  let watched = new Set(cluster.namespaces.map((namespace) => watchedKey({ namespace })));
  const listedSince = new Map<string, number>();
  const startedAt = clock.now();

  for await (const sighting of cluster.watchBuilds(signal)) {
    await dealWith(sighting);
    onSighting?.(sighting);
  }
  if (!signal.aborted) throw new Error("The watch of builds ended by itself");

  async function dealWith(sighting: BuildSighting): Promise<void> {
    switch (sighting.kind) {
      case "watches":
        watched = new Set(sighting.watches.map(watchedKey));
        return;
      case "builds":
        await Promise.all(
          sighting.builds.flatMap(eachImage).map((build) => seeBuild(parts, build, sighting.listed ? startedAt : undefined)),
        );
        return;
      case "synced":
        log.info({ source: sighting.source, namespace: sighting.namespace }, "Builds listed; watching");
        return forgetOldJobs(sighting, sighting.startedAt);
      case "trouble":
        tellTrouble(log, sighting);
        return;
      case "alive":
        return;
    }
  }

  /** A job is forgotten only when a later full list does not show its Build. Otherwise the Build would be submitted again. */
  async function forgetOldJobs(part: Watched, startedAt: number): Promise<void> {
    listedSince.set(watchedKey(part), startedAt);
    const lists = [...watched].map((key) => listedSince.get(key));
    if (!lists.every((since) => since !== undefined)) return;
    const seenBefore = Math.min(...lists);
    const limits = { endedBefore: clock.now() - keep, seenBefore };
    const forget = () => queue.once("forget-jobs", forgetInterval, () => queue.forget(limits), signal);
    const forgotten = (await whileReachable(forget)) ?? 0;
    if (forgotten > 0) log.debug({ forgotten }, "Old jobs forgotten");
  }
}

/** Builds that ended before a time (ms) are backlog: new builds go first. */
async function seeBuild({ queue, policy, log }: FollowBuildsParts, outcome: BuildOutcome, endedBefore?: number): Promise<void> {
  const plan = planJobs(outcome, policy);
  if (plan.kind === "skip") {
    if (plan.because !== "not-ended") log.debug({ subject: nameOf(outcome), because: plan.because }, "Build left alone");
    if (plan.because === "unreadable") log.warn({ subject: nameOf(outcome) }, "A build cannot be read and is left alone");
    return;
  }
  await Promise.all(
    plan.jobs.map(async (job) => {
      const backlog = endedBefore !== undefined && !(Date.parse(job.completedAt ?? "") >= endedBefore);
      const answer = await queue.add(job, { backlog });
      if (answer === "added") log.debug({ job: job.id, subject: describeJob(job), analyzer: job.analyzer }, "Build taken in");
    }),
  );
}

function nameOf({ build }: BuildOutcome): string {
  return build ? `${build.namespace}/${build.name}` : "one without a name";
}

/** A forgotten position is normal for an API server. Everything else is a warning. */
function tellTrouble(log: Logger, sighting: Extract<BuildSighting, { kind: "trouble" }>): void {
  const { source, namespace, reason, retryIn, message } = sighting;
  log[reason === "Expired" ? "info" : "warn"]({ source, namespace, reason, retryIn }, message);
}
