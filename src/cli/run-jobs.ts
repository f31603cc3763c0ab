import { openApp } from "../app/app.ts";
import { describeJob, type Job } from "../core/job.ts";
import { DirectoryInUseError, openEmbeddedQueue } from "../queue/index.ts";
import type { CommandContext } from "./command.ts";

/** A job a command wants run; a known one only when it is wanted `again`. */
export interface WantedJob {
  readonly job: Job;
  readonly again: boolean;
}

/** Runs jobs and waits for them: 0 when all went well. Beside a bot that works in the state directory they are handed over to it. */
export async function runJobs(context: CommandContext, wanted: readonly WantedJob[]): Promise<number> {
  try {
    return await runHere(context, wanted);
  } catch (error) {
    if (error instanceof DirectoryInUseError) return handOver(context, wanted);
    throw error;
  }
}

async function runHere(context: CommandContext, wanted: readonly WantedJob[]): Promise<number> {
  const { log, signal } = context;
  await using app = await openApp(context.config, context);
  await app.discover(signal);
  app.work();
  for (const { job, again } of wanted) {
    if (!(await app.take(job, { again }))) tellKnown(context, job);
  }
  const failed = await app.settled(signal);
  await app.stop();
  log.debug({ failed }, "All jobs ended");
  return failed > 0 || signal.aborted ? 1 : 0;
}

async function handOver(context: CommandContext, wanted: readonly WantedJob[]): Promise<number> {
  const { config, log } = context;
  const queue = openEmbeddedQueue({ ...config, directory: config.stateDirectory, exclusive: false });
  try {
    for (const { job, again } of wanted) {
      const taken = (await queue.add(job)) === "added" || (again && (await queue.retry(job.id)));
      if (taken)
        log.info({ subject: describeJob(job), job: job.id }, "Handed over to the bot that works in this state directory");
      else tellKnown(context, job);
    }
  } finally {
    await queue.close();
  }
  return 0;
}

function tellKnown({ log }: CommandContext, job: Job): void {
  log.info({ subject: describeJob(job) }, "Already submitted; --force submits it again");
}
