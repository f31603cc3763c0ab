import type { DatabaseSync } from "node:sqlite";
import { coveredImage, groupOf, type Job, tenantOf } from "../../../core/jobs/job.ts";
import { failedOutcomes, outcomeOf } from "../../../core/jobs/job-outcome.ts";
import { backoffDelay, jobBackoff } from "../../../core/jobs/retry.ts";
import { digestOfName, inputDigests } from "../../derived.ts";
import { laneOf, lanes, type Pool, poolOf } from "../../dispatching/pools.ts";
import type { Adding, JobRecord, JobResult, JobState, QueuedWork } from "../../job-queue.ts";
import { type JobRow, recordColumns, toRecord } from "../../rows.ts";
import { type DatabaseSettings, openDatabase } from "../database.ts";
import { type Claims, createClaims } from "./claims.ts";
import { createNaming } from "./images.ts";
import { createKnown, type KnownJob } from "./known.ts";
import { reassignment } from "./reassignment.ts";
import { createRecords, type Records } from "./records.ts";
import { createShelves, type Shelves } from "./shelves.ts";
import { createTags, type Tags } from "./tags.ts";

export interface LedgerSettings extends DatabaseSettings {
  /** Whether a job belongs to the slow pool. Default: none does. */
  readonly isSlow?: ((job: Job) => boolean) | undefined;
}

export type EndedState = Extract<JobState, "done" | "failed" | "dismissed">;

/**
 * The jobs in their file. All calls are synchronous. Calls that write are single steps of the caller's transaction. Times are milliseconds since the
 * epoch.
 */
export interface Ledger extends Records, Claims, Tags, Shelves {
  readonly file: string;
  readonly connection: DatabaseSync;
  /** Throws `LedgerError` if the file is no longer in its place. */
  assertInPlace(): void;
  add(job: Job, now: number, how?: Adding): "added" | "already-known";
  /** Makes jobs wait again that were running during a crash, and returns them. `random` is in [0, 1). */
  recover(now: number, random: () => number): readonly JobRecord[];
  /** Moves jobs to the pools that today's settings give them. */
  reassign(): void;
  /** Changes a job's result. False if it has none. */
  amend(id: string, change: (result: JobResult) => JobResult): boolean;
  retry(id: string, now: number): boolean;
  dismiss(id: string, now: number): boolean;
  /** Deletes at most this many jobs that ended in these states. Returns how many. */
  forget(states: readonly EndedState[], endedBefore: number, seenBefore: number, limit: number): number;
  close(): void;
}

/** After this many crashes during a job it waits behind all others. */
const toleratedCrashes = 3;

/** Opens or creates the ledger in a directory. Throws `LedgerError`. */
export function openLedger(settings: LedgerSettings): Ledger {
  const { exclusive, isSlow } = settings;
  const { file, connection, assertInPlace, close } = openDatabase(settings);
  const assign = (job: Job) => poolOf(job, isSlow);
  // Next to a running bot it is not known which jobs are slow there.
  const corrected = corrections(connection, exclusive ? assign : undefined);
  return {
    file,
    connection,
    assertInPlace,
    close,
    ...createRecords(connection, file),
    add: additions(connection, assign, corrected.retry),
    ...createClaims(connection),
    ...corrected,
    amend: amendments(connection),
    ...createTags(connection),
    ...createShelves(connection),
    recover: recovery(connection),
    reassign: reassignment(connection, isSlow),
  };
}

function additions(connection: DatabaseSync, assign: (job: Job) => Pool, retry: Ledger["retry"]): Ledger["add"] {
  const insert = connection.prepare(
    `INSERT INTO jobs (id, group_id, analyzer, tenant, job, cause, namespace, build_config, output_digest, base_digest, covers, pool, lane, due_at,
       created_at, updated_at, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?15, ?15, ?15)
     ON CONFLICT DO NOTHING`,
  );
  const addInput = connection.prepare("INSERT OR IGNORE INTO inputs VALUES (?, ?)");
  const seeGroup = connection.prepare("UPDATE jobs SET seen_at = ?3 WHERE group_id = ?1 AND analyzer = ?2");
  const seeImage = connection.prepare("UPDATE jobs SET seen_at = ?3 WHERE covers = ?1 AND analyzer = ?2");
  const askAgain = connection.prepare("UPDATE jobs SET again = 1 WHERE id = ? AND state = 'running'");
  const findKnown = createKnown(connection);

  function takeAgain({ id, outcome }: KnownJob, now: number, { again }: Adding): boolean {
    if (again === undefined || (again === "failed" && !failedOutcomes.includes(outcome))) return false;
    return retry(id, now) || askAgain.run(id).changes > 0;
  }

  /** Whether it was new. */
  function put(job: Job, group: string, now: number, { backlog, after = 0 }: Adding): boolean {
    const { analyzer = "" } = job as QueuedWork;
    const about = [job.cause, job.build?.namespace, job.buildConfig, digestOfName(job.output), digestOfName(job.base)];
    const place = [coveredImage(job) ?? null, assign(job), laneOf(job, backlog), now + after, now];
    const given = [job.id, group, analyzer, tenantOf(job), JSON.stringify(job), ...about.map((text) => text ?? null)];
    const { changes, lastInsertRowid } = insert.run(...given, ...place);
    if (changes === 0) return false;
    for (const digest of inputDigests(job)) addInput.run(digest, lastInsertRowid);
    return true;
  }

  return (job, now, how = {}) => {
    const { analyzer = "" } = job as QueuedWork;
    const group = groupOf(job);
    // An image alone can be known by what an earlier job turned out to be about.
    const covers = job.build ? undefined : coveredImage(job);
    const covering = covers === undefined ? undefined : findKnown(job);
    if (!covering && put(job, group, now, how)) return "added";
    const known = covering ?? findKnown(job);
    if (!known) {
      put({ ...job, id: `${group}-${analyzer}`, group }, group, now, how);
      return "added";
    }
    if (covers !== undefined) seeImage.run(covers, analyzer, now);
    seeGroup.run(group, analyzer, now);
    return takeAgain(known, now, how) ? "added" : "already-known";
  };
}

function recovery(connection: DatabaseSync): Ledger["recover"] {
  const left = connection.prepare(`SELECT ${recordColumns} FROM jobs WHERE outcome = 'running' ORDER BY number`);
  const release = connection.prepare(
    `UPDATE jobs SET state = 'waiting', claim = NULL, crashes = crashes + 1, due_at = ?2, updated_at = ?3 WHERE number = ?1
     RETURNING ${recordColumns}`,
  );
  const suspect = connection.prepare(
    `UPDATE jobs SET lane = ${lanes.suspect}, error_reason = 'Unexpected', error_message = ?2, error_host = NULL WHERE number = ?1 RETURNING ${recordColumns}`,
  );

  return (now, random) =>
    (left.all() as unknown as JobRow[]).map(({ number, crashes: before }) => {
      const crashes = before + 1;
      const delay = crashes < toleratedCrashes ? 0 : backoffDelay(crashes - toleratedCrashes + 1, jobBackoff, random());
      const row = release.get(number, now + delay, now);
      const words = `The bot itself ended ${crashes} times while this job ran; it is tried after all others`;
      return toRecord((crashes < toleratedCrashes ? row : suspect.get(number, words)) as unknown as JobRow);
    });
}

function corrections(
  connection: DatabaseSync,
  assign: ((job: Job) => Pool) | undefined,
): Pick<Ledger, "retry" | "dismiss" | "forget"> {
  const read = connection.prepare("SELECT job FROM jobs WHERE id = ?");
  const retry = connection.prepare(
    `UPDATE jobs SET state = 'waiting', pool = coalesce(?3, pool), due_at = ?2, updated_at = ?2, failures = 0,
       lane = CASE WHEN cause IS 'scan' THEN ${lanes.scan} ELSE ${lanes.live} END,
       failing_since = NULL, failing_for = 0, crashes = 0, again = 0, error_reason = NULL, error_message = NULL, error_host = NULL, given_up_after = NULL WHERE id = ?1 AND state <> 'running'`,
  );
  const dismiss = connection.prepare(
    "UPDATE jobs SET state = 'dismissed', due_at = NULL, again = 0, updated_at = ?2 WHERE id = ?1 AND outcome IN ('waiting', 'failed', 'analysis-failed')",
  );
  const forgetting = (condition: string) =>
    connection.prepare(
      `DELETE FROM jobs WHERE number IN
         (SELECT number FROM jobs WHERE ${condition} AND updated_at < ?1 AND seen_at < ?2 ORDER BY updated_at LIMIT ?3)`,
    );
  const forgetIn = {
    done: forgetting("state = 'done'"),
    failed: forgetting("outcome = 'failed'"),
    dismissed: forgetting("outcome = 'dismissed'"),
  };
  return {
    retry(id, now) {
      const row = read.get(id);
      return row !== undefined && retry.run(id, now, assign?.(JSON.parse(String(row.job)) as Job) ?? null).changes > 0;
    },
    dismiss: (id, now) => dismiss.run(id, now).changes > 0,
    forget(states, endedBefore, seenBefore, limit) {
      let forgotten = 0;
      for (const state of states) forgotten += Number(forgetIn[state].run(endedBefore, seenBefore, limit - forgotten).changes);
      return forgotten;
    },
  };
}

function amendments(connection: DatabaseSync): Ledger["amend"] {
  const read = connection.prepare("SELECT number, job, result FROM jobs WHERE id = ? AND result IS NOT NULL");
  const write = connection.prepare("UPDATE jobs SET result = ?2, analysis = ?3 WHERE number = ?1");
  const name = createNaming(connection);
  return (id, change) => {
    const row = read.get(id);
    if (!row) return false;
    const result = JSON.parse(String(row.result)) as JobResult;
    const changed = change(result);
    if (changed === result) return true;
    write.run(Number(row.number), JSON.stringify(changed), outcomeOf("done", changed));
    name(Number(row.number), JSON.parse(String(row.job)) as Job, changed);
    return true;
  };
}
