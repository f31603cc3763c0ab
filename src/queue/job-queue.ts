import type { Digest } from "../core/images/image-reference.ts";
import type { TagMemory } from "../core/images/tag-memory.ts";
import type { FailureReason } from "../core/jobs/errors.ts";
import type { Findings } from "../core/jobs/findings.ts";
import { groupOf, isOneOfSeveral, type Job, type JobCause } from "../core/jobs/job.ts";
import type { JobOutcome } from "../core/jobs/job-outcome.ts";
import type { FailingJobs } from "../core/jobs/problems.ts";
import type { Shelf } from "../core/jobs/shelf.ts";

export const jobStates = ["waiting", "running", "done", "failed", "dismissed"] as const;
export type JobState = (typeof jobStates)[number];

/** Work of whatever kind that a queue carries: plain JSON with an id of its own. */
export interface QueuedWork {
  readonly id: string;
  /** The work that belongs together and is done once for each analyzer; absent: its id. */
  readonly group?: string;
  /** Whom it is for. Work for one of them neither waits for another's endpoint nor takes its places. */
  readonly analyzer?: string;
}

/** An analysis that a job's submission began or found. Times are milliseconds since the epoch. */
export interface JobAnalysis {
  readonly of: string;
  readonly id: string;
  readonly cached: boolean;
  /** Absent while nobody asked how it goes. */
  readonly state?: "running" | "succeeded" | "failed";
  readonly endedAt?: number;
}

/** What a handler leaves behind in the record. Plain JSON, without secrets. Times are milliseconds since the epoch. */
export interface JobResult {
  /** The image that the build made, by its own name; pinned where that could be found out. */
  readonly source?: string;
  /** The image as it was submitted: its copy, or its name outside the cluster. */
  readonly output?: string;
  readonly base?: string;
  readonly analyses: readonly JobAnalysis[];
  /** When the last of its images lay in the push registry. */
  readonly copiedAt?: number;
  readonly submittedAt?: number;
  /** What a person should know: "not pinned", a base image left out. */
  readonly notes: readonly string[];
  readonly link?: string;
  /** What the analyzer found in the output image. */
  readonly findings?: Findings;
  /** The job whose result this is: it was for the same image, and nothing was submitted again. */
  readonly sameAs?: string;
}

/** Everything the queue remembers of a job. Times are milliseconds since the epoch. */
export interface JobRecord<Work extends QueuedWork = Job, Result = JobResult> {
  readonly job: Work;
  readonly state: JobState;
  /** Attempts begun; those interrupted by a stop or a crash do not count as failures. */
  readonly attempts: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** When it is tried next; only while waiting. */
  readonly dueAt?: number;
  readonly error?: JobFailure;
  readonly result?: Result;
}

export interface JobFailure {
  readonly reason: FailureReason;
  readonly message: string;
  /** The registry or endpoint that failed, where that is known. */
  readonly host?: string;
  /** Milliseconds it was tried for before it was given up; absent where it was not time that ended it. */
  readonly givenUpAfter?: number;
}

/** Waiting or failed jobs of an analyzer whose last attempt failed for the same reason, at the same host. */
export type FailureGroup = FailingJobs;

/** How many jobs of an analyzer have an outcome. */
export interface Tally {
  readonly analyzer: string;
  readonly outcome: JobOutcome;
  readonly jobs: number;
}

/** How a job is taken in. */
export interface Adding {
  /** Whether a known job is tried again: one that failed, or any, after its present attempt if it runs. Default: none. */
  readonly again?: "failed" | "always";
  /** Whether it was there before the bot: it waits behind what happens now. */
  readonly backlog?: boolean;
  /** Milliseconds before a job that is new is tried. Default: none. */
  readonly after?: number;
}

/** What a listing is narrowed to; everything given must hold. */
export interface RecordFilter {
  readonly state?: JobState;
  readonly outcome?: JobOutcome;
  readonly analyzer?: string;
  /** Only jobs of builds in this namespace. */
  readonly namespace?: string;
  /** `namespace/name` */
  readonly buildConfig?: string;
  readonly cause?: JobCause;
  /** Only jobs whose last attempt failed for this reason. */
  readonly reason?: FailureReason;
  /** Only jobs whose last attempt failed at this registry or endpoint. */
  readonly host?: string;
  /** Only jobs that changed at this time (ms) or later. */
  readonly changedSince?: number;
  /** Only jobs that mention it, see `core/jobs/search.ts`. */
  readonly text?: string;
  /** Leaves out what waits because of these failures. */
  readonly without?: readonly Pick<FailureGroup, "reason" | "host">[];
  /** Continues a listing below the record of that id. */
  readonly before?: string;
  /** The `updatedAt` that record was listed with: it may have changed since. */
  readonly beforeTime?: number;
}

/** How one attempt ended, told once for every attempt. */
export interface AttemptReport<Work extends QueuedWork = Job, Result = JobResult> {
  readonly record: JobRecord<Work, Result>;
  /** `interrupted`: the bot stopped or crashed under it; it runs again and nothing counts against it. */
  readonly outcome: "done" | "failed" | "retrying" | "interrupted";
  readonly milliseconds: number;
}

/**
 * Runs a job. Resolving means done; a `JobError` says whether it is final or tried again; anything else thrown is tried again. The signal
 * fires at the job's deadline and at shutdown: the handler then ends its children and settles.
 */
export type JobHandler<Work extends QueuedWork = Job, Result = JobResult> = (job: Work, signal: AbortSignal) => Promise<Result>;

/** The queue's storage cannot be reached just now, as while a database fails over. Nothing was lost; whoever asked may ask again. */
export class QueueUnavailableError extends Error {
  override readonly name = "QueueUnavailableError";
}

/** Since when (ms since the epoch) a queue's storage cannot be reached, and why. */
export interface QueueTrouble {
  readonly since: number;
  readonly message: string;
}

/** A bot that works on a queue. Times are milliseconds since the epoch. */
export interface Replica {
  readonly name: string;
  /** Whether it is this one. */
  readonly isSelf: boolean;
  readonly startedAt: number;
  /** Its last sign of life. */
  readonly seenAt: number;
  /** The jobs it runs, and since when. */
  readonly running: readonly { readonly id: string; readonly since: number }[];
}

/** Short texts that survive restarts, by name, the same for all bots on a queue. */
export interface Marks {
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
  /** Writes it unless there is one, and answers the one that there is then. */
  first(name: string, text: string): Promise<string>;
  clear(name: string): Promise<void>;
}

/** What one bot at a time does, where several work on a queue. */
export interface OneAtATime {
  /**
   * Waits until no other bot does work of this name, does it, and lets others. The signal that the work is given fires with the outer one, and when
   * others may do it as well, since this bot gave no sign of life: it is begun anew once it is ours again, as it is after a
   * `QueueUnavailableError`. Resolves when the work was done or the signal fired; rejects as the work does.
   */
  alone(name: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Does work unless another bot does it now, or did it to its end within so many milliseconds; answers undefined when it was left out. */
  once<Done>(
    name: string,
    within: number,
    work: (signal: AbortSignal) => Promise<Done>,
    signal: AbortSignal,
  ): Promise<Done | undefined>;
}

/** One step of a listing; `rest` continues after the last record that was looked at, and is absent when there are no more. */
export interface LookedAt<Work extends QueuedWork = Job, Result = JobResult> {
  readonly records: readonly JobRecord<Work, Result>[];
  readonly rest?: Pick<RecordFilter, "before" | "beforeTime">;
}

/** The readings of a queue. */
export type QueueReads =
  | "known"
  | "counts"
  | "tally"
  | "failures"
  | "firstDue"
  | "oldestWaiting"
  | "recent"
  | "look"
  | "count"
  | "find"
  | "ofGroups"
  | "withImage"
  | "lastOfBuildConfigs";

/**
 * Durable work, and the memory of it. Everything is asynchronous, for a queue may lie on another machine: what two reads answer may be of different
 * times. `test/queue/job-queue.contract.ts` holds every implementation to these promises.
 */
export interface JobQueue<Work extends QueuedWork = Job, Result = JobResult> extends OneAtATime {
  /**
   * Takes a job in and resolves once it would survive a power cut. Known is a job of the same group for the same analyzer; an image alone (no
   * build) also by an earlier job for that analyzer that covered its repository and digest. A known one is not taken again unless `how` says
   * so, and then this is told as added. Either way the job counts as seen now. Where another analyzer's job has its id, it gets
   * `<group>-<analyzer>`.
   */
  add(job: Work, how?: Adding): Promise<"added" | "already-known">;
  /** The record that stands for a job: its own, or that of the job it is known by. */
  known(job: Work): Promise<JobRecord<Work, Result> | undefined>;
  /**
   * Starts running jobs: what happens now before a backlog, and that before a scan; within each, namespaces (for images alone: repositories) take
   * turns, and the oldest of a namespace goes first. Called once.
   */
  work(handle: JobHandler<Work, Result>, report?: (attempt: AttemptReport<Work, Result>) => void): void;
  /** Rejects when the queue can no longer work (its ledger failed); resolves after `stop`. */
  readonly ended: Promise<void>;
  /** Resolves when no job waits or runs. */
  idle(): Promise<void>;
  counts(): Promise<Readonly<Record<JobState, number>>>;
  /** The same by analyzer and outcome; what there is none of can be missing. */
  tally(): Promise<readonly Tally[]>;
  /** What the waiting and the failed jobs failed for, in groups. */
  failures(): Promise<readonly FailureGroup[]>;
  /** When the first of the waiting jobs, or of an analyzer's, is or was due; undefined when none waits. */
  firstDue(analyzer?: string): Promise<number | undefined>;
  /** When the oldest of the waiting jobs was added; undefined when none waits. */
  oldestWaiting(): Promise<number | undefined>;
  /** Records, last changed first. */
  recent(limit: number, filter?: RecordFilter): Promise<readonly JobRecord<Work, Result>[]>;
  /**
   * One step of a listing: looks at so many records (`looked`) that a filter by state, namespace and BuildConfig leaves, and answers those that
   * fit all of it, at most `limit`. Takes a bounded time.
   */
  look(limit: number, looked: number, filter?: RecordFilter): Promise<LookedAt<Work, Result>>;
  /** How many records fit, up to so many; where a listing goes on does not matter. */
  count(most: number, filter?: RecordFilter): Promise<number>;
  find(id: string): Promise<JobRecord<Work, Result> | undefined>;
  /** The records of groups, first added first. */
  ofGroups(groups: readonly string[]): Promise<readonly JobRecord<Work, Result>[]>;
  /** Records of jobs that made the image of a digest (`output`), stand on it (`base`) or took files from it (`input`), last added first. */
  withImage(digest: Digest, as: "output" | "base" | "input", limit: number): Promise<readonly JobRecord<Work, Result>[]>;
  /** The last added job of every BuildConfig, by the BuildConfig's name: so many, behind that name. */
  lastOfBuildConfigs(limit?: number, after?: string): Promise<readonly JobRecord<Work, Result>[]>;
  /**
   * Changes what a job left behind, in one step between all others; its place among the records stays. False when there is no result to
   * change. `change` may be called twice; answering the very same object changes nothing.
   */
  amend(id: string, change: (result: Result) => Result): Promise<boolean>;
  /** Makes an ended or waiting job due now, its age counted anew; false when there is none or it runs. */
  retry(id: string): Promise<boolean>;
  /** Ends a waiting or failed job, or one whose analysis failed, for good; false when there is none, it runs or went well. */
  dismiss(id: string): Promise<boolean>;
  /** Forgets done and dismissed jobs that ended before one time and were last seen (`add`) before another; answers how many. Failed ones stay unless they are asked for, too. */
  forget(limits: { readonly endedBefore: number; readonly seenBefore: number; readonly failed?: boolean }): Promise<number>;
  /** Which image each moving tag of the push registry is for; forgotten half a year after the jobs. */
  readonly tags: TagMemory;
  /** What waits outside the queue until it is known whether it becomes a job. */
  readonly shelf: Shelf;
  readonly marks: Marks;
  /** The bots that work on this queue, the one that began first in front; those that gave no sign for a minute are left out. */
  replicas(): Promise<readonly Replica[]>;
  /** Why the storage cannot be reached, as far as the last attempt told; undefined while it can. */
  trouble(): QueueTrouble | undefined;
  /** Starts no further job, gives the running ones so many milliseconds, then interrupts them; they run again next time. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Stops at once and releases everything. */
  close(): Promise<void>;
}

/** Images of one build, times analyzers. */
const mostOfABuild = 1_000;

/** For each of these records all of the same build: one an image it made and analyzer, first added first. */
export async function recordsOfBuilds(
  queue: Pick<JobQueue, "recent" | "ofGroups">,
  records: readonly JobRecord[],
): Promise<readonly (readonly JobRecord[])[]> {
  const groups = await Promise.all(records.map(({ job }) => groupsOfBuild(queue, job)));
  const all = groups.length > 0 ? await queue.ofGroups([...new Set(groups.flat())]) : [];
  const members = Map.groupBy(all, ({ job }) => groupOf(job));
  return groups.map((those) => those.flatMap((group) => members.get(group) ?? []));
}

async function groupsOfBuild(queue: Pick<JobQueue, "recent">, job: Job): Promise<readonly string[]> {
  const { build, buildConfig } = job;
  if (!build || buildConfig === undefined || !isOneOfSeveral(job)) return [groupOf(job)];
  const ofOwner = await queue.recent(mostOfABuild, { buildConfig, namespace: build.namespace });
  const others = ofOwner.filter((other) => other.job.build?.uid === build.uid).map((other) => groupOf(other.job));
  return [...new Set([groupOf(job), ...others.toReversed()])];
}
