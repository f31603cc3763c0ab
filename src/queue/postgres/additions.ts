import { randomUUID } from "node:crypto";
import { coveredImage, groupOf, type Job, tenantOf } from "../../core/jobs/job.ts";
import { digestOfName, inputDigests } from "../derived.ts";
import { laneOf, type Pool } from "../dispatching/pools.ts";
import type { Adding, QueuedWork } from "../job-queue.ts";
import { clean } from "./texts.ts";

/** What the database needs to know about a job to add. */
export function additionOf(job: Job, { again, backlog, after }: Adding, pool: Pool): object {
  const { analyzer = "" } = job as QueuedWork;
  const group = groupOf(job);
  const otherId = `${group}-${analyzer}`;
  return {
    id: clean(job.id),
    job: JSON.stringify(job),
    otherId: clean(otherId),
    otherJob: JSON.stringify({ ...job, id: otherId, group }),
    group: clean(group),
    analyzer,
    tenant: clean(tenantOf(job)),
    cause: job.cause,
    namespace: clean(job.build?.namespace),
    buildConfig: clean(job.buildConfig),
    outputDigest: clean(digestOfName(job.output)),
    baseDigest: clean(digestOfName(job.base)),
    inputs: inputDigests(job).map(clean),
    covers: clean(coveredImage(job)),
    alone: !job.build,
    added: randomUUID(),
    pool,
    lane: laneOf(job, backlog),
    again,
    after,
  };
}
