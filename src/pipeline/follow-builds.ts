import type { BuildSighting, Cluster } from "../cluster/cluster.ts";
import type { Build } from "../core/build.ts";
import { classifyBuild } from "../core/build-outcome.ts";
import type { Clock } from "../core/clock.ts";
import { describeJob, planJob, type SubmissionPolicy } from "../core/job.ts";
import type { JobQueue } from "../queue/job-queue.ts";
import type { Logger } from "../telemetry/log.ts";

export interface FollowBuildsParts {
  readonly cluster: Pick<Cluster, "watchBuilds" | "namespaces">;
  readonly queue: Pick<JobQueue, "add" | "forget">;
  readonly policy: SubmissionPolicy;
  readonly log: Logger;
  readonly clock: Clock;
  /** Milliseconds an ended job is remembered at least. */
  readonly keep: number;
  /** Told of every sighting once it is dealt with: what the bot's health is read from. */
  readonly onSighting?: (sighting: BuildSighting) => void;
}

/** Turns every ended build that is seen into a job, until the signal fires. A sighting is dealt with when its jobs are on disk. */
export async function followBuilds(parts: FollowBuildsParts, signal: AbortSignal): Promise<void> {
  const { cluster, queue, log, clock, keep, onSighting } = parts;
  const listedSince = new Map<string | undefined, number>();

  for await (const sighting of cluster.watchBuilds(signal)) {
    await dealWith(sighting);
    onSighting?.(sighting);
  }
  if (!signal.aborted) throw new Error("The watch of builds ended by itself");

  async function dealWith(sighting: BuildSighting): Promise<void> {
    switch (sighting.kind) {
      case "builds":
        await Promise.all(sighting.builds.map((build) => seeBuild(parts, build)));
        return;
      case "synced":
        log.info({ namespace: sighting.namespace }, "Builds listed; watching");
        return forgetOldJobs(sighting.namespace, sighting.startedAt);
      case "trouble":
        tellTrouble(log, sighting);
        return;
      case "alive":
        return;
    }
  }

  /** A job is forgotten only when a full list since then did not show its Build: what still exists would be submitted again. */
  async function forgetOldJobs(namespace: string | undefined, startedAt: number): Promise<void> {
    listedSince.set(namespace, startedAt);
    if (listedSince.size < cluster.namespaces.length) return;
    const seenBefore = Math.min(...listedSince.values());
    const forgotten = await queue.forget({ endedBefore: clock.now() - keep, seenBefore });
    if (forgotten > 0) log.debug({ forgotten }, "Old jobs forgotten");
  }
}

async function seeBuild({ queue, policy, log }: FollowBuildsParts, build: Build): Promise<void> {
  const outcome = classifyBuild(build);
  const plan = planJob(outcome, policy);
  if (plan.kind === "skip") {
    if (plan.because !== "not-ended") log.debug({ subject: nameOf(build), because: plan.because }, "Build left alone");
    if (plan.because === "unreadable") log.warn({ subject: nameOf(build) }, "A Build cannot be understood and is left alone");
    return;
  }
  if ((await queue.add(plan.job)) === "added") log.debug({ job: plan.job.id, subject: describeJob(plan.job) }, "Build taken in");
}

function nameOf({ metadata }: Build): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

/** A forgotten position is the API server's everyday business; everything else is worth a warning. */
function tellTrouble(log: Logger, { namespace, reason, retryIn, message }: Extract<BuildSighting, { kind: "trouble" }>): void {
  log[reason === "Expired" ? "info" : "warn"]({ namespace, reason, retryIn }, message);
}
