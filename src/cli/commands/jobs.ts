import { openJobsBeside } from "../../app/opening/queues.ts";
import { isoTime, systemClock } from "../../core/clock.ts";
import { describeJob } from "../../core/jobs/job.ts";
import { countOutcomes, countsLine, failedOutcomes, jobOutcomes, outcomeOf } from "../../core/jobs/job-outcome.ts";
import { type JobQueue, type JobRecord, jobStates, type RecordFilter } from "../../queue/job-queue.ts";
import { type CommandContext, UsageError } from "../command.ts";
import { jobDetails, jobsTable } from "../jobs-table.ts";
import { listedStates } from "../listed-states.ts";

/** Records read from the ledger at a time. */
const pageSize = 200;

/** Jobs of one run that are looked for by its name: of 256 images, for a few analyzers. */
const mostOfARun = 2_000;

/** What is listed, and how. */
export interface JobsListing {
  /** A state, or an outcome. */
  readonly state?: string | undefined;
  readonly analyzer?: string | undefined;
  readonly namespace?: string | undefined;
  readonly text?: string | undefined;
  /** Undefined: as many as there are. */
  readonly limit: number | undefined;
  readonly json: boolean;
  /** Everything of each job instead of a line. */
  readonly details: boolean;
}

/** Lists jobs, last changed first: as a table, in full, or as JSON lines. */
export async function listJobs(context: CommandContext, { limit, json, details, ...wanted }: JobsListing): Promise<number> {
  const { screen, clock = systemClock } = context;
  const filter = filterOf(wanted);
  await withQueue(context, async (queue) => {
    if (!json) screen.write(`${countsLine(countOutcomes(await queue.tally()))}\n`);
    if (json || details) {
      for await (const record of someRecords(queue, filter, limit))
        screen.write(`${json ? JSON.stringify(publicRecord(record)) : jobDetails(record)}\n`);
      return;
    }
    const records: JobRecord[] = [];
    for await (const record of someRecords(queue, filter, limit)) records.push(record);
    if (records.length === 0) screen.write(`${nothingLine(wanted)}\n`);
    else screen.writeRaw(jobsTable(records, clock.now(), screen));
    const all = await queue.count(Number.MAX_SAFE_INTEGER, filter);
    if (all > records.length)
      screen.write(`${records.length} of ${all} jobs. --limit 0 lists all, --details prints all details.\n`);
  });
  return 0;
}

/** Tries ended or waiting jobs again: 1 when one of them cannot be. */
export async function retryJobs(
  context: CommandContext,
  { ids, failed }: { readonly ids: readonly string[]; readonly failed: boolean },
): Promise<number> {
  if (ids.length === 0 && !failed)
    throw new UsageError("Name the jobs to retry, or use --failed for all failed jobs. `build-watcher jobs` lists them.");
  return withQueue(context, async (queue) => {
    const chosen = failed ? await failedIds(queue) : await idsOf(queue, ids);
    if (chosen.length === 0) context.screen.write("No failed jobs: there is nothing to retry.\n");
    return each(context, chosen, (id) => queue.retry(id), "is retried", "is not known, or is running now");
  });
}

/** Ends jobs for good: 1 when one of them cannot be. */
export async function dismissJobs(context: CommandContext, ids: readonly string[]): Promise<number> {
  return withQueue(context, async (queue) =>
    each(context, await idsOf(queue, ids), (id) => queue.dismiss(id), "is dismissed", "is not known, is running now, or is done"),
  );
}

async function failedIds(queue: JobQueue): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const outcome of failedOutcomes) for await (const { job } of someRecords(queue, { outcome }, undefined)) ids.push(job.id);
  return ids;
}

/** Jobs are named by their ids, or as the list shows them: the newest of that name is meant. A run's own name means all its images. */
async function idsOf(queue: JobQueue, names: readonly string[]): Promise<readonly string[]> {
  const each = async (name: string): Promise<readonly string[]> => {
    if (await queue.find(name)) return [name];
    const jobs = (await queue.recent(mostOfARun, { text: name })).map(({ job }) => job);
    const named = jobs.find((job) => describeJob(job) === name);
    if (named) return [named.id];
    const [newest, ...more] = jobs.filter(({ build }) => build && `${build.namespace}/${build.name}` === name);
    return newest ? [newest, ...more].filter(({ build }) => build?.uid === newest.build?.uid).map(({ id }) => id) : [name];
  };
  return (await Promise.all(names.map(each))).flat();
}

function nothingLine({ state, namespace, text }: Omit<JobsListing, "limit" | "json" | "details">): string {
  const what = [`No ${state ? `${state} ` : ""}jobs`, namespace && ` in namespace ${namespace}`, text && ` that mention ${text}`];
  return `${what.filter(Boolean).join("")}.`;
}

function filterOf({ state, analyzer, namespace, text }: Omit<JobsListing, "limit" | "json" | "details">): RecordFilter {
  return { ...stateFilter(state), ...(analyzer && { analyzer }), ...(namespace && { namespace }), ...(text && { text }) };
}

async function each(
  { screen }: CommandContext,
  ids: readonly string[],
  act: (id: string) => Promise<boolean>,
  done: string,
  refused: string,
): Promise<number> {
  const answers = await Promise.all(ids.map(act));
  for (const [index, id] of ids.entries()) screen.write(`${id} ${answers[index] ? done : refused}\n`);
  return answers.every(Boolean) ? 0 : 1;
}

/** The ledger, also while a bot works on it. */
async function withQueue<T>({ config, environment }: CommandContext, use: (queue: JobQueue) => Promise<T>): Promise<T> {
  const queue = await openJobsBeside(config, environment);
  try {
    return await use(queue);
  } finally {
    await queue.close();
  }
}

async function* someRecords(queue: JobQueue, filter: RecordFilter, limit = Number.MAX_SAFE_INTEGER): AsyncGenerator<JobRecord> {
  let left = limit;
  for (let before: string | undefined; left > 0; ) {
    const size = Math.min(pageSize, left);
    const page = await queue.recent(size, { ...filter, ...(before && { before }) });
    yield* page;
    left -= page.length;
    before = page.at(-1)?.job.id;
    if (page.length < size) return;
  }
}

/** A state of the queue's, or what became of a job's analyses. */
function stateFilter(text: string | undefined): RecordFilter {
  if (text === undefined) return {};
  const state = jobStates.find((known) => known === text);
  const outcome = jobOutcomes.find((known) => known === text);
  if (state) return { state };
  if (outcome) return { outcome };
  throw new UsageError(`--state ${text} is unknown: give one of ${listedStates.join(", ")}.`);
}

function publicRecord({ job, createdAt, updatedAt, dueAt, ...rest }: JobRecord) {
  const times = {
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
    dueAt: dueAt === undefined ? undefined : isoTime(dueAt),
  };
  const outcome = outcomeOf(rest.state, rest.result);
  return { id: job.id, analyzer: job.analyzer, subject: describeJob(job), outcome, ...rest, ...times, job };
}
