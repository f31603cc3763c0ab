import type { DatabaseSync } from "node:sqlite";
import { coveredImage, type Job } from "../../../core/jobs/job.ts";
import { digestOfName, digestOfText, imageOfResult } from "../../derived.ts";
import type { JobResult } from "../../job-queue.ts";

/** Records the images of a result that its job did not name by digest, so that they are found and a later scan recognizes them. */
export function createNaming(connection: DatabaseSync): (number: number, job: Job, result: JobResult | undefined) => void {
  const name = connection.prepare(
    `UPDATE jobs SET covers = coalesce(covers, ?2), output_digest = coalesce(?3, output_digest), base_digest = coalesce(?4, base_digest)
     WHERE number = ?1`,
  );
  return (number, job, result) => {
    if (!result) return;
    const covers = coveredImage(job) === undefined ? imageOfResult(result) : undefined;
    const output = digestOfName(job.output) === undefined ? digestOfText(result.output) : undefined;
    const base = digestOfName(job.base) === undefined ? digestOfText(result.base) : undefined;
    // Each named column costs its index a change, and nearly all jobs name their images.
    if ((covers ?? output ?? base) !== undefined) name.run(number, covers ?? null, output ?? null, base ?? null);
  };
}
