import { isoTime } from "../core/clock.ts";
import { describeJob } from "../core/job.ts";
import { forPeople } from "../core/outside-text.ts";
import { openEmbeddedQueue } from "../queue/index.ts";
import { type JobQueue, type JobRecord, type JobState, jobStates } from "../queue/job-queue.ts";
import { type CommandContext, UsageError } from "./command.ts";

/** Records read from the ledger at a time. */
const pageSize = 200;
const longestLine = 5_000;

/** Lists jobs, last changed first, as a table or as JSON lines. */
export async function listJobs(
  context: CommandContext,
  { state, json }: { readonly state?: string; readonly json: boolean },
): Promise<number> {
  const wanted = readState(state);
  await withQueue(context, async (queue) => {
    if (!json) context.screen.write(`${countsLine(queue)}\n`);
    for (const record of allRecords(queue, wanted))
      context.screen.write(`${json ? JSON.stringify(publicRecord(record)) : describeRecord(record)}\n`);
  });
  return 0;
}

/** Tries ended or waiting jobs again: 1 when one of them cannot be. */
export async function retryJobs(
  context: CommandContext,
  { ids, failed }: { readonly ids: readonly string[]; readonly failed: boolean },
): Promise<number> {
  if (ids.length === 0 && !failed)
    throw new UsageError("Name the jobs to try again, or give --failed for all that failed. `build-watcher jobs` lists them.");
  return withQueue(context, (queue) => {
    const chosen = failed ? [...allRecords(queue, "failed")].map(({ job }) => job.id) : ids;
    return each(context, chosen, (id) => queue.retry(id), "is tried again", "is not known, or runs just now");
  });
}

/** Ends jobs for good: 1 when one of them cannot be. */
export async function dismissJobs(context: CommandContext, ids: readonly string[]): Promise<number> {
  return withQueue(context, (queue) =>
    each(context, ids, (id) => queue.dismiss(id), "is dismissed", "is not known, runs just now, or is done"),
  );
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

/** The ledger beside a bot that may be working on it. */
async function withQueue<T>({ config }: CommandContext, use: (queue: JobQueue) => Promise<T>): Promise<T> {
  const queue = openEmbeddedQueue({ ...config, directory: config.stateDirectory, exclusive: false });
  try {
    return await use(queue);
  } finally {
    await queue.close();
  }
}

function* allRecords(queue: JobQueue, state: JobState | undefined): Generator<JobRecord> {
  for (let before: string | undefined; ; ) {
    const page = queue.recent(pageSize, { ...(state && { state }), ...(before && { before }) });
    yield* page;
    before = page.at(-1)?.job.id;
    if (page.length < pageSize) return;
  }
}

function readState(text: string | undefined): JobState | undefined {
  const state = jobStates.find((known) => known === text);
  if (text !== undefined && !state) throw new UsageError(`--state ${text} is unknown: give one of ${jobStates.join(", ")}.`);
  return state;
}

function countsLine(queue: JobQueue): string {
  const counts = queue.counts();
  return jobStates.map((state) => `${counts[state]} ${state}`).join(", ");
}

function describeRecord(record: JobRecord): string {
  const { job, state, attempts, updatedAt, dueAt, error, result } = record;
  const lines = [
    `${state.padEnd(9)} ${describeJob(job)}`,
    `          ${job.id}  ${new Date(updatedAt).toISOString()}  ${attempts} ${attempts === 1 ? "attempt" : "attempts"}`,
    result?.output && `          image: ${result.output}`,
    ...(result?.analyses ?? []).map(({ of, id, cached }) => `          analysis of ${of}: ${id}${cached ? " (cached)" : ""}`),
    ...(result?.notes ?? []).map((note) => `          note: ${note}`),
    state !== "done" && error && `          ${error.reason}: ${error.message}`,
    dueAt !== undefined && `          next try: ${new Date(dueAt).toISOString()}`,
  ];
  return lines
    .filter((line) => typeof line === "string")
    .map((line) => forPeople(line, longestLine))
    .join("\n");
}

function publicRecord({ job, createdAt, updatedAt, dueAt, ...rest }: JobRecord) {
  const times = {
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
    dueAt: dueAt === undefined ? undefined : isoTime(dueAt),
  };
  return { id: job.id, subject: describeJob(job), ...rest, ...times, job };
}
