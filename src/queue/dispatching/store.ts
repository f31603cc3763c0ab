import type { Job } from "../../core/jobs/job.ts";
import type { JobRecord } from "../job-queue.ts";
import type { Gate } from "./gate.ts";
import type { Pool, Room } from "./pools.ts";
import type { History, Verdict } from "./verdict.ts";

/** A job taken out to run. The token proves that it is still ours when its attempt ended. */
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

/** Which places there are, and what runs there now. Every analyzer has the same rooms of its own, with so many places in each. */
export interface Places {
  readonly workers: number;
  /** How many places of a room the jobs of one tenant may hold at most; absent: all. */
  readonly perTenant?: number | undefined;
  readonly rooms: readonly Room[];
  readonly running: readonly RunningJobs[];
}

/** What was taken out, and when to look again. */
export interface Taken {
  readonly claims: readonly Claim[];
  /** Milliseconds after which a job may start by the passing of time alone: one becomes due, or a gate opens. Absent: none is known. */
  readonly nextIn?: number;
  /** Whether there is more to take at once. */
  readonly more?: boolean;
}

/** What becomes of a job after its attempt, and of its analyzer's gate. */
export interface Conclusion {
  readonly verdict: Verdict;
  readonly gate: Gate;
}

/** Whom a store tells what happens by itself. */
export interface StoreHooks {
  /** Jobs may be due. Cheap to call. */
  changed(): void;
  /** The claims of these tokens hold no longer: what runs by them is interrupted, and its end counts for nothing. */
  lost(tokens: readonly string[]): void;
  /** Jobs wait again that ran when a bot ended suddenly: each is told once, by one bot. */
  released(records: readonly JobRecord[]): void;
  /** The store can never go on; answers the error that it is told as. */
  failed(error: unknown): Error;
}

/**
 * Where an engine keeps due jobs, the gates before the analyzers' endpoints, and the clock that both are measured by. The dispatcher above it
 * decides what runs where; every bot on the same store has a dispatcher of its own.
 */
export interface DispatchStore {
  /** Milliseconds between two looks while nothing is known to come. */
  readonly pollInterval: number;
  /** Says whom to tell. Called once, before anything else. */
  attach(hooks: StoreHooks): void;
  /** Begins to look after the claims of this bot, and of others that ended suddenly. Called once, before the first `take`. */
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
  /** Ends what `begin` began. */
  end(): Promise<void>;
}
