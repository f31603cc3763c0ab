import { expect } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import type { Job } from "../../src/core/jobs/job.ts";
import type { JobQueue, JobState } from "../../src/queue/job-queue.ts";
import { settle } from "../support/fake-clock.ts";
import { embeddedStorage } from "./embedded-storage.ts";
import type { QueueStorage } from "./job-queue.contract.ts";
import { buildJob, nothing, scanJob } from "./jobs.ts";

export type Step =
  | { readonly kind: "add"; readonly number: number; readonly scan: boolean }
  | Correction
  | { readonly kind: "end"; readonly which: number; readonly how: Ending }
  | { readonly kind: "advance"; readonly milliseconds: number }
  | { readonly kind: "set-clock"; readonly by: number }
  | { readonly kind: "crash" | "reopen" | "forget" };

export interface Correction {
  readonly kind: "retry" | "dismiss";
  readonly number: number;
  readonly scan: boolean;
}

export type Ending = "done" | "final" | "retryable" | "pausing" | "nonsense";

export const workers = 3;
const minute = 60_000;
const settings = { workers, jobTimeout: 10 * minute, giveUpAfter: 60 * minute };

const thrown: Readonly<Record<Exclude<Ending, "done">, unknown>> = {
  final: new JobError("ImageNotFound", "gone"),
  retryable: new JobError("RegistryUnavailable", "503"),
  pausing: new JobError("AnalyzerUnavailable", "503"),
  nonsense: undefined,
};

/** What the model knows of a job: `open` is waiting or running. */
interface ModelJob {
  readonly number: number;
  state: "open" | "done" | "failed" | "dismissed";
  attempts: number;
  failingFor: number | undefined;
  seenAt: number;
  endedAt: number;
}

interface Run {
  readonly id: string;
  end(how: Ending): void;
}

/** The queue's jobs as one would keep them in one's head, and the runs its handler holds. */
interface Model {
  readonly jobs: Map<string, ModelJob>;
  readonly runs: Map<string, Run>;
  /** Whether the endpoint was found down since the queue was opened, so that free places prove nothing. */
  mayBePaused: boolean;
}

/** Does the steps to a queue and to the model, comparing them after each; then lets every job succeed, and answers what is still open. */
export async function runScript(steps: readonly Step[]): Promise<{ waiting: number; running: number }> {
  const storage = embeddedStorage();
  const model: Model = { jobs: new Map(), runs: new Map(), mayBePaused: false };
  try {
    let queue = await start(storage, model);
    for (const step of steps) {
      queue = await perform(step, queue, storage, model);
      await settle();
      await compare(queue, storage, model);
    }
    return await finish(queue, storage, model);
  } finally {
    await storage.dispose();
  }
}

async function start(storage: QueueStorage, model: Model): Promise<JobQueue> {
  const queue = await storage.open(settings);
  model.runs.clear();
  model.mayBePaused = false;
  queue.work(
    (job, signal) => hold(job, signal, storage, model),
    ({ outcome, record: { job, dueAt = 0, updatedAt } }) => {
      const failed = model.jobs.get(job.id);
      if (failed && outcome === "retrying") failed.failingFor = (failed.failingFor ?? 0) + dueAt - updatedAt;
    },
  );
  await settle();
  return queue;
}

function hold(
  { id }: Job,
  signal: AbortSignal,
  storage: QueueStorage,
  model: Model,
): ReturnType<Parameters<JobQueue["work"]>[0]> {
  const { promise, resolve, reject } = Promise.withResolvers<typeof nothing>();
  const job = modelled(model, id);
  expect(model.runs.has(id), `${id} runs twice`).toBe(false);
  expect(job.state).toBe("open");
  job.attempts += 1;
  const startedAt = storage.clock.now();
  const run: Run = {
    id,
    end(how) {
      model.runs.delete(id);
      conclude(job, how, startedAt, storage.clock.now(), model);
      if (how === "done") resolve(nothing);
      else reject(thrown[how]);
    },
  };
  model.runs.set(id, run);
  expect(model.runs.size).toBeLessThanOrEqual(workers);
  signal.addEventListener("abort", () => {
    const timedOut = signal.reason instanceof JobError;
    if (model.runs.get(id) === run) model.runs.delete(id);
    if (timedOut) conclude(job, "retryable", startedAt, storage.clock.now(), model);
    reject(signal.reason);
  });
  return promise;
}

function conclude(job: ModelJob, how: Ending, startedAt: number, now: number, model: Model): void {
  if (how === "pausing") model.mayBePaused = true;
  if (how === "done") {
    job.state = "done";
  } else {
    const longest = settings.jobTimeout + 10_000;
    const took = Math.min(Math.max(now - startedAt, 0), longest);
    job.failingFor = job.failingFor === undefined ? 0 : job.failingFor + took;
    if (how === "final" || job.failingFor >= settings.giveUpAfter) job.state = "failed";
  }
  if (job.state !== "open") job.endedAt = now;
}

async function perform(step: Step, queue: JobQueue, storage: QueueStorage, model: Model): Promise<JobQueue> {
  const { clock } = storage;
  switch (step.kind) {
    case "add":
      await add(step, queue, clock.now(), model);
      return queue;
    case "end":
      [...model.runs.values()][step.which]?.end(step.how);
      return queue;
    case "advance":
      await clock.advance(step.milliseconds);
      return queue;
    case "set-clock":
      clock.set(clock.now() + step.by);
      await clock.advance(2_000);
      return queue;
    case "retry":
    case "dismiss":
      await correct(step, queue, clock.now(), model);
      return queue;
    case "forget":
      await forget(queue, clock.now(), model);
      return queue;
    case "crash":
      await storage.crash(queue);
      return start(storage, model);
    case "reopen":
      await queue.close();
      return start(storage, model);
  }
}

async function add(
  { number, scan }: { number: number; scan: boolean },
  queue: JobQueue,
  now: number,
  model: Model,
): Promise<void> {
  const job = scan ? scanJob(number) : buildJob(number);
  const covering = [...model.jobs].filter(([id, known]) => id === job.id || (scan && known.number === number));
  const fresh = covering.length === 0;
  if (fresh) {
    model.jobs.set(job.id, { number, state: "open", attempts: 0, failingFor: undefined, seenAt: now, endedAt: 0 });
  }
  for (const [, known] of covering) known.seenAt = now;
  expect(await queue.add(job)).toBe(fresh ? "added" : "already-known");
}

async function correct({ kind, number, scan }: Correction, queue: JobQueue, now: number, model: Model): Promise<void> {
  const { id } = scan ? scanJob(number) : buildJob(number);
  const job = model.jobs.get(id);
  const free = job !== undefined && !model.runs.has(id);
  const possible = kind === "retry" ? free : free && (job.state === "open" || job.state === "failed");
  if (job && possible) {
    Object.assign(job, kind === "retry" ? { state: "open", failingFor: undefined } : { state: "dismissed", endedAt: now });
  }
  expect(await queue[kind](id), `${kind} ${id}`).toBe(possible);
}

async function forget(queue: JobQueue, now: number, model: Model): Promise<void> {
  const before = now - 5 * minute;
  const gone = [...model.jobs].filter(
    ([, { state, seenAt, endedAt }]) => (state === "done" || state === "dismissed") && seenAt < before && endedAt < before,
  );
  for (const [id] of gone) model.jobs.delete(id);
  expect(await queue.forget({ endedBefore: before, seenBefore: before })).toBe(gone.length);
}

async function compare(queue: JobQueue, { clock }: QueueStorage, model: Model): Promise<void> {
  const records = await queue.recent(100);
  const shown = records.map(({ job, state, attempts }) => `${job.id} ${state} ${attempts}`).toSorted();
  const expected = [...model.jobs].map(([id, job]) => `${id} ${stateOf(id, job, model)} ${job.attempts}`).toSorted();
  expect(shown).toEqual(expected);
  const states = records.map(({ state }) => state);
  for (const [state, count] of Object.entries(await queue.counts())) {
    expect(states.filter((found) => found === state).length, state).toBe(count);
  }
  const due = records.filter(({ dueAt }) => dueAt !== undefined && dueAt <= clock.now());
  if (!model.mayBePaused && model.runs.size < workers) expect(due, "due jobs beside free places").toEqual([]);
}

function stateOf(id: string, { state }: ModelJob, model: Model): JobState {
  if (state !== "open") return state;
  return model.runs.has(id) ? "running" : "waiting";
}

/** Lets everything succeed for as long as the longest delays last. */
async function finish(queue: JobQueue, { clock }: QueueStorage, model: Model): Promise<{ waiting: number; running: number }> {
  for (let round = 0; round < 60; round += 1) {
    for (const run of [...model.runs.values()]) run.end("done");
    await clock.advance(round < 40 ? 2_000 : minute);
  }
  for (const run of [...model.runs.values()]) run.end("done");
  await settle();
  await compare(queue, { clock } as QueueStorage, model);
  const { waiting, running } = await queue.counts();
  return { waiting, running };
}

function modelled(model: Model, id: string): ModelJob {
  const job = model.jobs.get(id);
  if (!job) throw new Error(`${id} was never added`);
  return job;
}
