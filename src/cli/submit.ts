import { imageJob } from "../core/job.ts";
import { type CommandContext, readReferences } from "./command.ts";
import { runJobs } from "./run-jobs.ts";

/** Submits the images named: 0 when all were accepted. An image named by tag is submitted every time, one named by digest once. */
export function submit(context: CommandContext, images: readonly string[]): Promise<number> {
  const { force } = context.config;
  const wanted = readReferences(images).map((reference) => ({
    job: imageJob(reference, "command-line"),
    again: force || reference.digest === undefined,
  }));
  return runJobs(context, wanted);
}
