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
  /** Work of the same group belongs together and is done once for each analyzer. Default: its id. */
  readonly group?: string;
  /** The analyzer it is for. Analyzers have separate places, and work for one never waits for another's endpoint. */
  readonly analyzer?: string;
}

/** An analysis that a job's submission began or found. Times are milliseconds since the epoch. */
export interface JobAnalysis {
  readonly of: string;
  readonly id: string;
  readonly cached: boolean;
  /** Absent until the service is asked. */
  readonly state?: "running" | "succeeded" | "failed";
  readonly endedAt?: number;
}

/** What a handler leaves in the record. Plain JSON without secrets. Times are milliseconds since the epoch. */
export interface JobResult {
  /** The image that the build made, by its own name, and by digest if that is known. */
  readonly source?: string;
  /** The image as it was submitted: its copy, or its name outside the cluster. */
  readonly output?: string;
  readonly base?: string;
  readonly analyses: readonly JobAnalysis[];
  /** When the last of its images had been copied to the push registry. */
  readonly copiedAt?: number;
  readonly submittedAt?: number;
  /** What a person should know: "not pinned", a base image left out. */
  readonly notes: readonly string[];
  readonly link?: string;
  /** What the analyzer found in the output image. */
  readonly findings?: Findings;
  /** The job that this result was taken from. It was for the same image, so nothing was submitted again. */
  readonly sameAs?: string;
}

/** Everything the queue remembers of a job. Times are milliseconds since the epoch. */
export interface JobRecord<Work extends QueuedWork = Job, Result = JobResult> {
  readonly job: Work;
  readonly state: JobState;
  /** Attempts that were started. Those that a stop or crash interrupted do not count as failures. */
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
  /** For how long (ms) it was retried before it was given up. Absent if it failed for another reason than time. */
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
  /** Which known jobs are tried again: only failed ones, or all. A running one is tried again after this attempt. Default: none. */
  readonly again?: "failed" | "always";
  /** Whether it is older than the bot. Then newer jobs go first. */
  readonly backlog?: boolean;
  /** How long (ms) a new job waits before its first attempt. Default: 0. */
  readonly after?: number;
}

/** Limits a listing to records that meet all these conditions. */
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
  /** Only jobs that mention this text, see `core/jobs/search.ts`. */
  readonly text?: string;
  /** Leaves out jobs that wait because of these failures. */
  readonly without?: readonly Pick<FailureGroup, "reason" | "host">[];
  /** Continues a listing after the record with this id. */
  readonly before?: string;
  /** The `updatedAt` that record was listed with: it may have changed since. */
  readonly beforeTime?: number;
}

/** How one attempt ended. Each attempt is reported once. */
export interface AttemptReport<Work extends QueuedWork = Job, Result = JobResult> {
  readonly record: JobRecord<Work, Result>;
  /** `interrupted`: the bot stopped or crashed meanwhile. The job runs again, and this does not count as a failure. */
  readonly outcome: "done" | "failed" | "retrying" | "interrupted";
  readonly milliseconds: number;
}

/**
 * Runs a job. If it resolves, the job is done. A `JobError` says whether the job is retried; any other error means that it is. The signal fires at
 * the job's deadline and at shutdown. The handler then ends its child processes and settles.
 */
export type JobHandler<Work extends QueuedWork = Job, Result = JobResult> = (job: Work, signal: AbortSignal) => Promise<Result>;

/** The queue's storage cannot be reached now, for example during a failover. Nothing is lost, and the call can be repeated. */
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

/** Short texts by name. They survive restarts, and all bots on a queue share them. */
export interface Marks {
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
  /** Writes the text if there is none yet. Returns the text that is there afterwards. */
  first(name: string, text: string): Promise<string>;
  clear(name: string): Promise<void>;
}

/** Work that only one of several bots on a queue does at a time. */
export interface OneAtATime {
  /**
   * Waits until no other bot does the work of this name, then does it. The signal passed to the work fires with the outer signal. It also fires when
   * this bot gave no sign of life for too long, because another bot may then take over. The work is started again when this bot's turn comes again,
   * and after a `QueueUnavailableError`. Resolves when the work is done or the signal fires. Rejects as the work does.
   */
  alone(name: string, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
  /**
   * Does the work, unless another bot does it now or has completed it within the last `within` milliseconds. Then it returns undefined. The signal
   * passed to the work fires as that of `alone`; the work is then left to the others.
   */
  once<Done>(
    name: string,
    within: number,
    work: (signal: AbortSignal) => Promise<Done>,
    signal: AbortSignal,
  ): Promise<Done | undefined>;
}

/** One step of a listing. `rest` continues after the last record that was examined. It is absent at the end. */
export interface LookedAt<Work extends QueuedWork = Job, Result = JobResult> {
  readonly records: readonly JobRecord<Work, Result>[];
  readonly rest?: Pick<RecordFilter, "before" | "beforeTime">;
}

/** The methods that only read. */
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
 * Keeps work durably, and remembers it. Everything is asynchronous because a queue can be on another machine, so two reads can show two different
 * moments. `test/queue/job-queue.contract.ts` tests these promises for every implementation.
 */
export interface JobQueue<Work extends QueuedWork = Job, Result = JobResult> extends OneAtATime {
  /**
   * Adds a job, and resolves once it would survive a power cut. A job is known if there is one of the same group for the same analyzer. An image
   * without a build is also known if an earlier job for that analyzer covered its repository and digest. A known job is not added again unless `how`
   * says so; then the answer is "added". Either way the job counts as seen now. If a job of another analyzer has the same id, this one gets
   * `<group>-<analyzer>`.
   */
  add(job: Work, how?: Adding): Promise<"added" | "already-known">;
  /** The job's own record, or that of the job that makes it known. */
  known(job: Work): Promise<JobRecord<Work, Result> | undefined>;
  /**
   * Starts to run jobs: new builds first, then older ones, then those of a scan. Within each of these, namespaces take turns (repositories, for images
   * without a build), and a namespace's oldest job goes first. Call it once.
   */
  work(handle: JobHandler<Work, Result>, report?: (attempt: AttemptReport<Work, Result>) => void): void;
  /** Rejects when the queue cannot work any more because its ledger failed. Resolves after `stop`. */
  readonly ended: Promise<void>;
  /** Resolves when no job waits or runs. */
  idle(): Promise<void>;
  counts(): Promise<Readonly<Record<JobState, number>>>;
  /** The same by analyzer and outcome. A count of zero can be missing. */
  tally(): Promise<readonly Tally[]>;
  /** Why waiting and failed jobs failed, in groups. */
  failures(): Promise<readonly FailureGroup[]>;
  /** When the first waiting job (of this analyzer) is or was due. Undefined if none waits. */
  firstDue(analyzer?: string): Promise<number | undefined>;
  /** When the oldest waiting job was added. Undefined if none waits. */
  oldestWaiting(): Promise<number | undefined>;
  /** Records, last changed first. */
  recent(limit: number, filter?: RecordFilter): Promise<readonly JobRecord<Work, Result>[]>;
  /**
   * One step of a listing. It examines `looked` records that match the filter's state, namespace and BuildConfig, and returns at most `limit` of
   * them that match the whole filter. It takes a bounded time.
   */
  look(limit: number, looked: number, filter?: RecordFilter): Promise<LookedAt<Work, Result>>;
  /** How many records match, counted up to `most`. `before` is ignored. */
  count(most: number, filter?: RecordFilter): Promise<number>;
  find(id: string): Promise<JobRecord<Work, Result> | undefined>;
  /** The records of groups, first added first. */
  ofGroups(groups: readonly string[]): Promise<readonly JobRecord<Work, Result>[]>;
  /**
   * Records of jobs that made the image of a digest (`output`), are based on it (`base`) or took files from it (`input`), last added first, without the
   * job of an id.
   */
  withImage(
    digest: Digest,
    as: "output" | "base" | "input",
    limit: number,
    except?: string,
  ): Promise<readonly JobRecord<Work, Result>[]>;
  /** The newest job of each BuildConfig, sorted by the BuildConfig's name: at most `limit`, starting after `after`. */
  lastOfBuildConfigs(limit?: number, after?: string): Promise<readonly JobRecord<Work, Result>[]>;
  /**
   * Changes a job's result in one atomic step. The record keeps its place in listings. False if there is no result to change. `change` can be called
   * twice. If it returns the same object, nothing changes.
   */
  amend(id: string, change: (result: Result) => Result): Promise<boolean>;
  /** Makes an ended or waiting job due now, and starts its time until it is given up again. False if there is no such job or it runs. */
  retry(id: string): Promise<boolean>;
  /** Ends a job for good if it waits, failed, or its analysis failed. False if there is no such job, it runs, or it went well. */
  dismiss(id: string): Promise<boolean>;
  /** Forgets done and dismissed jobs, and failed ones if `failed` is set, that ended and were last seen (`add`) before these times. Returns how many. */
  forget(limits: { readonly endedBefore: number; readonly seenBefore: number; readonly failed?: boolean }): Promise<number>;
  /** Which image each moving tag of the push registry belongs to. Forgotten half a year after the jobs. */
  readonly tags: TagMemory;
  /** Holds builds until it is known whether they become jobs. */
  readonly shelf: Shelf;
  readonly marks: Marks;
  /** The bots that work on this queue, the first started first. One that gave no sign of life for a minute is left out. */
  replicas(): Promise<readonly Replica[]>;
  /** Why the storage could not be reached at the last attempt. Undefined while it can. */
  trouble(): QueueTrouble | undefined;
  /** Starts no more jobs, waits this long for the running ones, then interrupts them. They run again at the next start. */
  stop(graceMilliseconds: number): Promise<void>;
  /** Stops at once and releases everything. */
  close(): Promise<void>;
}

/** Images of one build, multiplied by analyzers. */
const mostOfABuild = 1_000;

/** For each record, all records of the same build: one for each image and analyzer, first added first. */
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
