import { openApp } from "../app/app.ts";
import { openJobsBeside } from "../app/opening/queues.ts";
import { describeJob, type Job } from "../core/jobs/job.ts";
import { DirectoryInUseError } from "../queue/index.ts";
import type { JobQueue, JobState } from "../queue/job-queue.ts";
import type { CommandContext } from "./command.ts";

/** A job a command wants run; a known one when it failed, or `always`. */
export interface WantedJob {
  readonly job: Job;
  readonly again: "failed" | "always";
}

/** Runs jobs and waits for them: 0 when all went well. Beside bots that work on the same jobs they are handed over to them. */
export function runJobs(context: CommandContext, wanted: readonly WantedJob[]): Promise<number> {
  return unlessBotsWork(
    context,
    () => runHere(context, wanted),
    () => handOver(context, wanted),
  );
}

/** Does something here, or else, where bots work on the same jobs, hands it over to them. */
export async function unlessBotsWork<T>(context: CommandContext, here: () => Promise<T>, over: () => Promise<T>): Promise<T> {
  if (await areReplicasWorking(context)) return over();
  try {
    return await here();
  } catch (error) {
    if (error instanceof DirectoryInUseError) return over();
    throw error;
  }
}

async function areReplicasWorking({ config, environment }: CommandContext): Promise<boolean> {
  if (config.databaseUrl === undefined || config.dryRun) return false;
  await using queue = await openJobsBeside(config, environment);
  return (await queue.replicas()).length > 0;
}

async function runHere(context: CommandContext, wanted: readonly WantedJob[]): Promise<number> {
  const { log, signal } = context;
  await using app = await openApp(context.config, context);
  await app.discover(signal);
  app.work();
  let known = 0;
  for (const { job, again } of wanted) {
    if (await app.take(job, { again })) continue;
    known += 1;
    await tellKnown(context, app.queue, job);
  }
  const { done, failed } = await app.settled(signal);
  await app.stop();
  if (!signal.aborted) context.screen.write(`Jobs: ${done} done, ${failed} failed, ${known} known already.\n`);
  log.debug({ failed }, "All jobs ended");
  return failed > 0 || signal.aborted ? 1 : 0;
}

async function handOver(context: CommandContext, wanted: readonly WantedJob[]): Promise<number> {
  const { config, environment, log } = context;
  const queue = await openJobsBeside(config, environment);
  let handed = 0;
  try {
    for (const { job, again } of wanted) {
      if ((await queue.add(job, { again })) === "already-known") await tellKnown(context, queue, job);
      else {
        handed += 1;
        log.info({ subject: describeJob(job), job: job.id }, "Handed over to the bot that works on these jobs");
      }
    }
  } finally {
    await queue.close();
  }
  context.screen.write(handedOver(handed));
  return 0;
}

/** What a command says at its end of so many jobs that another bot runs. */
export function handedOver(jobs: number): string {
  const what = jobs === 1 ? "1 new job" : `${jobs} new jobs`;
  return `The running bot takes ${what}. build-watcher jobs shows what becomes of them.\n`;
}

/** Says what became of a job that is known and not taken again. */
async function tellKnown({ log }: CommandContext, queue: Pick<JobQueue, "known">, job: Job): Promise<void> {
  const { state, job: { id } = job } = (await queue.known(job)) ?? {};
  log.info({ subject: describeJob(job), job: id, analyzer: job.analyzer }, state ? knownWords[state] : knownWords.done);
}

const knownWords: Readonly<Record<JobState, string>> = {
  waiting: "Already taken in; it waits for its turn",
  running: "Already taken in; it runs just now",
  done: "Already submitted; --force submits it again",
  failed: "Failed before; --force tries it again",
  dismissed: "Dismissed before; --force tries it again",
};
