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
        tellChange(log, watched, new Set(sighting.watches.map(watchedKey)), (key) => listedSince.has(key));
        watched = new Set(sighting.watches.map(watchedKey));
        return;
      case "builds":
        await Promise.all(sighting.builds.map((build) => seeRun(parts, build, sighting.listed ? startedAt : undefined)));
        return;
      case "synced":
        log.info({ source: sighting.source, namespace: sighting.namespace }, "Builds listed; watching");
        return forgetOldJobs(sighting, sighting.startedAt);
      case "trouble":
        tellTrouble(log, sighting);
        return;
      case "note":
        log.info({ source: sighting.source, namespace: sighting.namespace }, sighting.message);
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

/** A build with all images that it made. */
async function seeRun(parts: FollowBuildsParts, outcome: BuildOutcome, endedBefore?: number): Promise<void> {
  const added = await Promise.all(eachImage(outcome).map((build) => seeBuild(parts, build, endedBefore)));
  if (!("leftOut" in outcome) || !outcome.leftOut || !added.includes(true)) return;
  const { outputs, leftOut } = outcome;
  const subject = nameOf(outcome);
  parts.log.warn(
    { subject, taken: outputs.length, leftOut },
    "A build made too many images; those that it named last are left out",
  );
}

/** Builds that ended before a time (ms) are backlog: new builds go first. Answers whether something was new. */
async function seeBuild(
  { queue, policy, log }: FollowBuildsParts,
  outcome: BuildOutcome,
  endedBefore?: number,
): Promise<boolean> {
  const plan = planJobs(outcome, policy);
  if (plan.kind === "skip") {
    if (plan.because !== "not-ended") log.debug({ subject: nameOf(outcome), because: plan.because }, "Build left alone");
    if (plan.because === "unreadable") log.warn({ subject: nameOf(outcome) }, "A build cannot be read and is left alone");
    return false;
  }
  const answers = await Promise.all(
    plan.jobs.map(async (job) => {
      const backlog = endedBefore !== undefined && !(Date.parse(job.completedAt ?? "") >= endedBefore);
      const answer = await queue.add(job, { backlog });
      if (answer === "added") log.debug({ job: job.id, subject: describeJob(job), analyzer: job.analyzer }, "Build taken in");
      return answer === "added";
    }),
  );
  return answers.includes(true);
}

function nameOf({ build }: BuildOutcome): string {
  return build ? `${build.namespace}/${build.name}` : "one without a name";
}

/** The most watches that one line of the log names. */
const mostTold = 20;

/** What is watched changes with the build systems that the cluster has, with the bot's rights, and with namespaces. */
function tellChange(
  log: Logger,
  before: ReadonlySet<string>,
  now: ReadonlySet<string>,
  wasListed: (key: string) => boolean,
): void {
  const begun = [...now].filter((key) => !before.has(key));
  const ended = [...before].filter((key) => !now.has(key) && wasListed(key));
  const told = (keys: readonly string[]) => ({ count: keys.length, watches: keys.slice(0, mostTold) });
  if (begun.length > 0) log.info(told(begun), "The bot now watches these as well");
  const left = new Set([...now].map(sourceOf));
  const isSourceGone = ended.some((key) => !left.has(sourceOf(key)));
  const words = "The bot no longer watches these: they are gone from the cluster, or it has lost the right to list them";
  if (ended.length > 0) log[isSourceGone ? "warn" : "info"](told(ended), words);
}

function sourceOf(key: string): string {
  return key.slice(0, key.indexOf(" "));
}

/** A forgotten position is normal for an API server. Everything else is a warning. */
function tellTrouble(log: Logger, sighting: Extract<BuildSighting, { kind: "trouble" }>): void {
  const { source, namespace, reason, retryIn, message } = sighting;
  log[reason === "Expired" ? "info" : "warn"]({ source, namespace, reason, retrySeconds: retryIn / 1000 }, message);
}
