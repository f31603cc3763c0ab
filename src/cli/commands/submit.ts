import { plannedAnalyzers } from "../../analyzers/index.ts";
import { imageJobs } from "../../core/jobs/job.ts";
import { type CommandContext, readReferences } from "../command.ts";
import { runJobs } from "../run-jobs.ts";

/** Submits the images named: 0 when all were accepted. An image named by tag is submitted every time, one named by digest once. */
export function submit(context: CommandContext, images: readonly string[]): Promise<number> {
  const { force, analyzers } = context.config;
  const wanted = readReferences(images).flatMap((reference) =>
    imageJobs(reference, "command-line", plannedAnalyzers(analyzers)).map((job) => ({
      job,
      again: force || reference.digest === undefined ? ("always" as const) : ("failed" as const),
    })),
  );
  return runJobs(context, wanted);
}
