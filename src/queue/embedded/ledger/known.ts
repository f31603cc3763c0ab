import type { DatabaseSync } from "node:sqlite";
import { coveredImage, groupOf, type Job } from "../../../core/jobs/job.ts";
import { failedOutcomes, type JobOutcome } from "../../../core/jobs/job-outcome.ts";
import type { QueuedWork } from "../../job-queue.ts";

/** The job that makes a new one known. */
export interface KnownJob {
  readonly id: string;
  readonly outcome: JobOutcome;
}

/** Finds the job that makes a new one known: one of its group or, for an image without a build, one that covers the image, preferably not failed. */
export function createKnown(connection: DatabaseSync): (job: Job) => KnownJob | undefined {
  const ofGroup = connection.prepare("SELECT id, outcome FROM jobs WHERE group_id = ? AND analyzer = ?");
  const covering = connection.prepare(
    `SELECT id, outcome FROM jobs WHERE covers = ? AND analyzer = ?
     ORDER BY outcome IN ('${failedOutcomes.join("', '")}'), number DESC LIMIT 1`,
  );
  return (job) => {
    const { analyzer = "" } = job as QueuedWork;
    const covers = job.build ? undefined : coveredImage(job);
    const row = (covers !== undefined && covering.get(covers, analyzer)) || ofGroup.get(groupOf(job), analyzer);
    return row as KnownJob | undefined;
  };
}
