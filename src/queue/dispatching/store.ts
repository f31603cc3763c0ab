import type { Job } from "../../core/jobs/job.ts";
import type { JobRecord } from "../job-queue.ts";
import type { Gate } from "./gate.ts";
import type { Pool, Room } from "./pools.ts";
import type { History, Verdict } from "./verdict.ts";

/** A job that was taken to run. The token proves that it is still ours when its attempt has ended. */
export interface Claim extends History {
  readonly job: Job;
  readonly number: number;
  readonly analyzer: string;
  readonly tenant: string;
  readonly pool: Pool;
  readonly token: string;
  /** Whether it tries an endpoint that was down. */
  readonly probe: boolean;
}

/** How many jobs of a tenant run in a room of an analyzer. */
export interface RunningJobs {
  readonly analyzer: string;
  readonly room: Room;
  readonly tenant: string;
  readonly jobs: number;
}

/** Which places there are, and what runs there now. Every analyzer has its own rooms, with this many places in each. */
export interface Places {
  readonly workers: number;
  /** How many places of a room the jobs of one tenant can hold. Absent: all. */
  readonly perTenant?: number | undefined;
  readonly rooms: readonly Room[];
  readonly running: readonly RunningJobs[];
}

/** What was taken, and when to look again. */
export interface Taken {
  readonly claims: readonly Claim[];
  /** Milliseconds until a job can start if nothing else happens, because it becomes due or a gate opens. Absent: not known. */
  readonly nextIn?: number;
  /** Whether more can be taken at once. */
  readonly more?: boolean;
}

/** What an attempt means for its job and for its analyzer's gate. */
export interface Conclusion {
  readonly verdict: Verdict;
  readonly gate: Gate;
}

/** Who is told about changes that a store makes or finds by itself. */
export interface StoreHooks {
  /** Jobs may be due. Cheap to call. */
  changed(): void;
  /** Other bots may have ended the last job. Cheap to call. */
  othersWorked(): void;
  /** These claims are no longer valid. Their attempts are interrupted, and how they end is ignored. */
  lost(tokens: readonly string[]): void;
  /** Jobs that were running when a bot ended suddenly wait again. One bot reports each of them once. */
  released(records: readonly JobRecord[]): void;
  /** The store can never continue. Returns the error to report. */
  failed(error: unknown): Error;
}

/**
 * Where an engine keeps due jobs, the gates of the analyzers' endpoints, and the clock for both. The dispatcher decides what runs where. Every bot on a
 * store has its own dispatcher.
 */
export interface DispatchStore {
  /** Milliseconds between two looks while nothing is known to come. */
  readonly pollInterval: number;
  /** Sets the listener. Called once, before anything else. */
  attach(hooks: StoreHooks): void;
  /** Starts to keep this bot's claims, and to release those of bots that ended suddenly. Called once, before the first `take`. */
  begin(): void;
  /**
   * Takes out due jobs for the free places, asking for those when it takes: live ones first, then a backlog, then scanned ones, then those the bot
   * crashed under. Tenants take turns; the oldest of a tenant goes first. While an analyzer's gate is shut nothing is taken for it, but for one job
   * at a time over all bots when its pause is over: the next tenant's that is least likely to be at fault itself. Rejects with
   * `QueueUnavailableError` while the store cannot be reached.
   */
  take(places: () => Places): Promise<Taken>;
  /**
   * Records how an attempt ended. `conclude` says it, given the analyzer's gate and the time by the store's clock; it can be called again. Undefined
   * when the claim holds no longer: then nothing is recorded. While the store cannot be reached this waits.
   */
  settle(claim: Claim, conclude: (gate: Gate, now: number) => Conclusion): Promise<JobRecord | undefined>;
  /** Ends what `begin` started. */
  end(): Promise<void>;
}
