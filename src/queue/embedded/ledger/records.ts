import type { DatabaseSync } from "node:sqlite";
import type { JobQueue, JobRecord, QueueReads, Tally } from "../../job-queue.ts";
import { countsOf, type GroupRow, type JobRow, recordColumns, toGroup, toRecord } from "../../rows.ts";
import type { AtOnce } from "../at-once.ts";
import { explain } from "../ledger-error.ts";
import { createKnown } from "./known.ts";
import { createListing } from "./listing.ts";

/** Reads what the ledger remembers, as `JobQueue` promises it. */
export type Records = AtOnce<Pick<JobQueue, Exclude<QueueReads, "firstDue">>>;

/** Reads the table `jobs`. Every error is thrown as a `LedgerError` that names the file. */
export function createRecords(connection: DatabaseSync, file: string): Records {
  const select = `SELECT ${recordColumns} FROM jobs`;
  const byId = connection.prepare(`${select} WHERE id = ?`);
  const counted = connection.prepare("SELECT analyzer, outcome, jobs FROM counts WHERE jobs > 0");
  const inGroups = connection.prepare(`${select} WHERE group_id IN (SELECT value FROM json_each(?)) ORDER BY number`);
  const findKnown = createKnown(connection);
  const latest = connection.prepare(
    `${select} WHERE number IN (SELECT max(number) FROM jobs WHERE build_config > ? GROUP BY build_config ORDER BY build_config LIMIT ?) ORDER BY build_config`,
  );
  const oldest = connection.prepare(
    "SELECT created_at AS at FROM jobs INDEXED BY jobs_waiting WHERE state = 'waiting' ORDER BY created_at LIMIT 1",
  );
  // With the number in front the newest message is the greatest.
  const failing = connection.prepare(
    `SELECT CASE state WHEN 'failed' THEN 'failed' ELSE 'waiting' END AS state, analyzer, error_reason AS reason, error_host AS host, count(*) AS jobs, min(coalesce(failing_since, updated_at)) AS since,
       substr(max(printf('%015d', updated_at) || error_message), 16) AS message, min(namespace) AS first, max(namespace) AS last
     FROM jobs WHERE error_reason IS NOT NULL AND state IN ('waiting', 'running', 'failed') GROUP BY state = 'failed', error_reason, error_host, analyzer`,
  );
  const where = (condition: string) =>
    connection.prepare(`${select} WHERE ${condition} AND id <> ? ORDER BY number DESC LIMIT ?`);
  const images = {
    output: where("output_digest = ?"),
    base: where("base_digest = ?"),
    input: where("number IN (SELECT number FROM inputs WHERE digest = ?)"),
  };
  const rowOf = (id: string) => byId.get(id) as JobRow | undefined;
  const tally = () => counted.all() as unknown as readonly Tally[];
  const listing = createListing(connection, rowOf);

  return {
    find: explained(file, (id) => {
      const row = rowOf(id);
      return row && toRecord(row);
    }),
    known: explained(file, (job) => {
      const known = findKnown(job);
      const row = known && rowOf(known.id);
      return row && toRecord(row);
    }),
    ofGroups: explained(file, (groups) => toRecords(inGroups.all(JSON.stringify(groups)))),
    recent: explained(file, listing.recent),
    look: explained(file, listing.look),
    count: explained(file, listing.count),
    counts: explained(file, () => countsOf(tally())),
    tally: explained(file, tally),
    failures: explained(file, () => failing.all().map((row) => toGroup(row as unknown as GroupRow))),
    withImage: explained(file, (digest, as, limit, except = "") => toRecords(images[as].all(digest, except, limit))),
    lastOfBuildConfigs: explained(file, (limit = -1, after = "") => toRecords(latest.all(after, limit))),
    oldestWaiting: explained(file, () => {
      const { at } = oldest.get() ?? {};
      return typeof at === "number" ? at : undefined;
    }),
  };
}

function explained<A extends readonly unknown[], R>(file: string, read: (...given: A) => R): (...given: A) => R {
  return (...given) => {
    try {
      return read(...given);
    } catch (error) {
      throw explain(file, error);
    }
  };
}

function toRecords(rows: readonly unknown[]): readonly JobRecord[] {
  return rows.map((row) => toRecord(row as JobRow));
}
