import type { DatabaseSync } from "node:sqlite";
import { LedgerError } from "./ledger-error.ts";

const repositoryOf = "(job ->> '$.output.reference.registry') || '/' || (job ->> '$.output.reference.repository')";

const someAnalysis = (state: string) =>
  `EXISTS (SELECT 1 FROM json_each(result, '$.analyses') WHERE value ->> '$.state' = '${state}')`;

/** The outcome of a done job's result, as in `core/jobs/job-outcome.ts`. */
const analysisOf = `CASE
  WHEN ${someAnalysis("running")} THEN 'analysing'
  WHEN ${someAnalysis("failed")} THEN 'analysis-failed'
  WHEN ${someAnalysis("succeeded")} THEN 'analysed'
  WHEN json_array_length(result, '$.analyses') > 0 THEN 'submitted' END`;

const place = (row: "OLD" | "NEW") =>
  `analyzer = ${row}.analyzer AND tenant = ${row}.tenant AND pool = ${row}.pool AND lane = ${row}.lane`;

/** A new tenant waits behind those that already wait, but before the one that was served last. Its turn is even, theirs are odd. */
const joinTurns = `
  INSERT INTO turns SELECT NEW.analyzer, NEW.tenant, NEW.pool, NEW.lane, NEW.due_at, 
    coalesce((SELECT turn FROM served WHERE analyzer = NEW.analyzer), 0) - 1
    WHERE NEW.state = 'waiting'
    ON CONFLICT DO UPDATE SET first_due = min(first_due, excluded.first_due);`;

/**
 * The same, but a tenant whose job runs now starts behind all others, because it was just served. Otherwise a tenant whose jobs come one by one would
 * always run two of them before another's.
 */
const joinTurnsServed = joinTurns.replace(
  ", 0) - 1",
  `, 0) - NOT EXISTS (SELECT 1 FROM jobs WHERE outcome = 'running' AND analyzer = NEW.analyzer AND tenant = NEW.tenant)`,
);

const leaveTurns = `
  UPDATE turns SET first_due = coalesce((SELECT min(due_at) FROM jobs WHERE state = 'waiting' AND ${place("OLD")}), -1)
    WHERE OLD.state = 'waiting' AND ${place("OLD")};
  DELETE FROM turns WHERE OLD.state = 'waiting' AND ${place("OLD")} AND first_due = -1;`;

const countIn = `
  INSERT INTO counts VALUES (NEW.analyzer, NEW.outcome, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;`;

const countOut = `
  UPDATE counts SET jobs = jobs - 1 WHERE analyzer = OLD.analyzer AND outcome = OLD.outcome;`;

/**
 * The schema, one entry for each version. Entries are only appended. Times are milliseconds since the epoch.
 * `lane` orders claims: 0 live, 1 backlog, 2 scan, 3 jobs during which the bot crashed repeatedly. `pool`: 0 usual, 1 slow. Triggers keep `counts` and
 * `turns`, so that nothing has to scan the table. `turns` has a row for each place where a tenant's jobs wait. The tenant that was served longest ago
 * has the lowest `turn`. `served` is the highest.
 */
export const versions: readonly string[] = [
  `
  CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'dismissed')),
    lane INTEGER NOT NULL,
    due_at INTEGER CHECK ((due_at IS NOT NULL) = (state = 'waiting')),
    claim TEXT CHECK ((claim IS NOT NULL) = (state = 'running')),
    covers TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    crashes INTEGER NOT NULL DEFAULT 0,
    error_reason TEXT,
    error_message TEXT,
    result TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX jobs_due ON jobs (lane, due_at) WHERE state = 'waiting';
  CREATE INDEX jobs_covers ON jobs (covers) WHERE covers IS NOT NULL;
  CREATE INDEX jobs_updated ON jobs (updated_at);
  CREATE INDEX jobs_state ON jobs (state, updated_at);

  CREATE TABLE counts (state TEXT PRIMARY KEY, jobs INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO counts VALUES ('waiting', 0), ('running', 0), ('done', 0), ('failed', 0), ('dismissed', 0);
  CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
    UPDATE counts SET jobs = jobs + 1 WHERE state = NEW.state;
  END;
  CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN OLD.state <> NEW.state BEGIN
    UPDATE counts SET jobs = jobs - 1 WHERE state = OLD.state;
    UPDATE counts SET jobs = jobs + 1 WHERE state = NEW.state;
  END;
  CREATE TRIGGER jobs_forgotten AFTER DELETE ON jobs BEGIN
    UPDATE counts SET jobs = jobs - 1 WHERE state = OLD.state;
  END;
  `,
  `
  ALTER TABLE jobs ADD COLUMN namespace TEXT GENERATED ALWAYS AS (job ->> '$.build.namespace') VIRTUAL;
  ALTER TABLE jobs ADD COLUMN build_config TEXT GENERATED ALWAYS AS (job ->> '$.buildConfig') VIRTUAL;
  ALTER TABLE jobs ADD COLUMN output_digest TEXT GENERATED ALWAYS AS (${digestOf("output")}) VIRTUAL;
  ALTER TABLE jobs ADD COLUMN base_digest TEXT GENERATED ALWAYS AS (${digestOf("base")}) VIRTUAL;
  CREATE INDEX jobs_namespace ON jobs (namespace, updated_at) WHERE namespace IS NOT NULL;
  CREATE INDEX jobs_build_config ON jobs (build_config) WHERE build_config IS NOT NULL;
  CREATE INDEX jobs_output_digest ON jobs (output_digest) WHERE output_digest IS NOT NULL;
  CREATE INDEX jobs_base_digest ON jobs (base_digest) WHERE base_digest IS NOT NULL;
  CREATE INDEX jobs_waiting ON jobs (created_at) WHERE state = 'waiting';
  `,
  `
  ALTER TABLE jobs ADD COLUMN pool INTEGER NOT NULL DEFAULT 0;
  DROP INDEX jobs_due;
  CREATE INDEX jobs_due ON jobs (pool, lane, due_at) WHERE state = 'waiting';
  `,
  `
  ALTER TABLE jobs ADD COLUMN error_host TEXT;
  CREATE INDEX jobs_failing ON jobs (state, error_reason, error_host) WHERE error_reason IS NOT NULL AND state IN ('waiting', 'running', 'failed');
  `,
  `
  CREATE TABLE tags (tag TEXT PRIMARY KEY, digest TEXT NOT NULL, completed_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO tags ${tagsOfDoneJobs()};
  `,
  `
  ALTER TABLE jobs ADD COLUMN analyzer TEXT NOT NULL DEFAULT '';
  ALTER TABLE jobs ADD COLUMN group_id TEXT NOT NULL DEFAULT '';
  ALTER TABLE jobs ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
  ALTER TABLE jobs ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN failing_for INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN given_up_after INTEGER;
  ALTER TABLE jobs ADD COLUMN analysis TEXT;
  ALTER TABLE jobs ADD COLUMN outcome TEXT GENERATED ALWAYS AS (CASE WHEN state = 'done' THEN coalesce(analysis, state) ELSE state END) VIRTUAL;

  DROP TRIGGER jobs_added;
  DROP TRIGGER jobs_moved;
  DROP TRIGGER jobs_forgotten;
  UPDATE jobs SET
    analyzer = CASE WHEN job ->> '$.cause' IS NOT NULL OR job ->> '$.analysisId' IS NOT NULL THEN 'thoth' ELSE '' END,
    group_id = id,
    tenant = coalesce(job ->> '$.build.namespace', ${repositoryOf}, ''),
    lane = CASE WHEN lane = 0 THEN 0 ELSE lane + 1 END,
    failing_for = coalesce(max(updated_at - failing_since, 0), 0),
    analysis = CASE WHEN state = 'done' THEN ${analysisOf} END;
  UPDATE jobs SET job = json_set(job, '$.analyzer', analyzer) WHERE analyzer <> '';
  CREATE UNIQUE INDEX jobs_group ON jobs (group_id, analyzer);
  CREATE INDEX jobs_outcome ON jobs (outcome, updated_at);

  DROP INDEX jobs_due;
  CREATE INDEX jobs_due ON jobs (analyzer, pool, lane, due_at) WHERE state = 'waiting';
  CREATE INDEX jobs_turn ON jobs (analyzer, tenant, pool, lane, due_at) WHERE state = 'waiting';
  CREATE INDEX jobs_innocent ON jobs (analyzer, tenant, failures, pool, lane, due_at) WHERE state = 'waiting';
  CREATE TABLE turns (
    analyzer TEXT NOT NULL,
    tenant TEXT NOT NULL,
    pool INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    first_due INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    PRIMARY KEY (analyzer, tenant, pool, lane)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX turns_next ON turns (analyzer, pool, lane, turn, first_due);
  CREATE TABLE served (analyzer TEXT PRIMARY KEY, turn INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX turns_due ON turns (first_due);
  INSERT INTO turns SELECT analyzer, tenant, pool, lane, min(due_at), -1 FROM jobs WHERE state = 'waiting'
    GROUP BY analyzer, tenant, pool, lane;
  CREATE TRIGGER turn_taken AFTER INSERT ON jobs WHEN NEW.state = 'waiting' BEGIN ${joinTurns} END;
  CREATE TRIGGER turn_changed AFTER UPDATE OF state, due_at, pool, lane ON jobs BEGIN ${leaveTurns} ${joinTurns} END;
  CREATE TRIGGER turn_forgotten AFTER DELETE ON jobs WHEN OLD.state = 'waiting' BEGIN ${leaveTurns} END;

  DROP TABLE counts;
  CREATE TABLE counts (analyzer TEXT, outcome TEXT, jobs INTEGER NOT NULL, PRIMARY KEY (analyzer, outcome)) STRICT, WITHOUT ROWID;
  INSERT INTO counts SELECT analyzer, outcome, count(*) FROM jobs GROUP BY analyzer, outcome;
  CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN ${countIn} END;
  CREATE TRIGGER jobs_moved AFTER UPDATE OF state, analysis ON jobs WHEN OLD.outcome <> NEW.outcome BEGIN ${countOut} ${countIn} END;
  CREATE TRIGGER jobs_forgotten AFTER DELETE ON jobs BEGIN ${countOut} END;
  `,
  `
  CREATE INDEX turns_probe ON turns (analyzer, turn, first_due);
  `,
  `
  CREATE TABLE inputs (digest TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (digest, number)) STRICT, WITHOUT ROWID;
  CREATE TRIGGER inputs_added AFTER INSERT ON jobs WHEN NEW.job ->> '$.inputs' IS NOT NULL BEGIN
    INSERT OR IGNORE INTO inputs SELECT digest, NEW.number FROM (${inputDigests("NEW")}) WHERE digest IS NOT NULL;
  END;
  CREATE TRIGGER inputs_forgotten AFTER DELETE ON jobs WHEN OLD.job ->> '$.inputs' IS NOT NULL BEGIN
    DELETE FROM inputs WHERE number = OLD.number AND digest IN (${inputDigests("OLD")});
  END;
  `,
  `
  CREATE TABLE shelf (key TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (key, name)) STRICT;
  `,
  `
  DROP TRIGGER turn_taken;
  DROP TRIGGER turn_changed;
  CREATE TRIGGER turn_taken AFTER INSERT ON jobs WHEN NEW.state = 'waiting' BEGIN ${joinTurnsServed} END;
  CREATE TRIGGER turn_changed AFTER UPDATE OF state, due_at, pool, lane ON jobs BEGIN ${leaveTurns} ${joinTurnsServed} END;
  `,
  // A generated column is read from its JSON at each change of the row.
  `
  DROP INDEX jobs_namespace;
  DROP INDEX jobs_build_config;
  DROP INDEX jobs_output_digest;
  DROP INDEX jobs_base_digest;
  ALTER TABLE jobs DROP COLUMN namespace;
  ALTER TABLE jobs DROP COLUMN build_config;
  ALTER TABLE jobs DROP COLUMN output_digest;
  ALTER TABLE jobs DROP COLUMN base_digest;
  ALTER TABLE jobs ADD COLUMN cause TEXT;
  ALTER TABLE jobs ADD COLUMN namespace TEXT;
  ALTER TABLE jobs ADD COLUMN build_config TEXT;
  ALTER TABLE jobs ADD COLUMN output_digest TEXT;
  ALTER TABLE jobs ADD COLUMN base_digest TEXT;
  UPDATE jobs SET cause = job ->> '$.cause', namespace = job ->> '$.build.namespace', build_config = job ->> '$.buildConfig',
    output_digest = ${digestOf("output")}, base_digest = ${digestOf("base")};
  CREATE INDEX jobs_namespace ON jobs (namespace, updated_at) WHERE namespace IS NOT NULL;
  CREATE INDEX jobs_build_config ON jobs (build_config) WHERE build_config IS NOT NULL;
  CREATE INDEX jobs_output_digest ON jobs (output_digest) WHERE output_digest IS NOT NULL;
  CREATE INDEX jobs_base_digest ON jobs (base_digest) WHERE base_digest IS NOT NULL;
  DROP TRIGGER inputs_added;

  DROP INDEX jobs_state;
  CREATE INDEX jobs_done ON jobs (updated_at) WHERE state = 'done';
  DROP INDEX jobs_due;
  DROP INDEX jobs_innocent;
  CREATE INDEX jobs_innocent ON jobs (analyzer, tenant, failures, pool, lane, due_at) WHERE state = 'waiting' AND failures > 0;
  DROP TRIGGER turn_changed;
  CREATE TRIGGER turn_left AFTER UPDATE OF state, due_at, pool, lane ON jobs WHEN OLD.state = 'waiting' BEGIN ${leaveTurns} END;
  CREATE TRIGGER turn_joined AFTER UPDATE OF state, due_at, pool, lane ON jobs WHEN NEW.state = 'waiting' BEGIN ${joinTurnsServed} END;
  `,
];

/** The digest of one of a job's images, as the build named it or, without that, as it was submitted. */
function digestOf(image: "output" | "base"): string {
  const submitted = `result ->> '$.${image}'`;
  const inResult = `CASE WHEN ${submitted} LIKE '%@sha256:%' THEN substr(${submitted}, instr(${submitted}, '@') + 1) END`;
  return `coalesce(job ->> '$.${image}.reference.digest', job ->> '$.${image}.digest', ${inResult})`;
}

/** The digests of the images that a job's build took files from, where it named them by digest. */
function inputDigests(row: "OLD" | "NEW"): string {
  return `SELECT coalesce(value ->> '$.reference.digest', value ->> '$.digest') AS digest FROM json_each(${row}.job, '$.inputs')`;
}

/** The moving tags that earlier versions set, where the copy's name and the build's tag show them. */
function tagsOfDoneJobs(): string {
  const copy = "result ->> '$.output'";
  const tag = "coalesce(job ->> '$.output.reference.tag', job ->> '$.output.tag', 'latest')";
  const copies = `SELECT substr(${copy}, 1, instr(${copy}, '@') - 1) || ':' || ${tag} AS tag, substr(${copy}, instr(${copy}, '@') + 1) AS digest,
      unixepoch(job ->> '$.completedAt') * 1000 AS completed_at FROM jobs
    WHERE state = 'done' AND result ->> '$.copiedAt' IS NOT NULL AND ${copy} LIKE '%@sha256:%'`;
  return `SELECT tag, digest, max(completed_at) FROM (${copies}) WHERE completed_at IS NOT NULL GROUP BY tag`;
}

/** Marks the file as a ledger of this program ("bwld"). */
const applicationId = 0x62776c64;

/** Whether the file still needs this version's schema. Changes nothing. Throws `LedgerError` for a newer or a foreign file. */
export function needsMigration(database: DatabaseSync, file: string, steps: readonly string[] = versions): boolean {
  const version = readNumber(database, "PRAGMA user_version");
  if (version > steps.length) {
    throw new LedgerError(
      file,
      `it was written by a newer build-watcher (schema ${version}; this one knows ${steps.length}). Nothing was changed. Run that newer version, or let BUILD_WATCHER_STATE_DIR name another directory.`,
    );
  }
  const foreign = version === 0 ? isPopulated(database) : readNumber(database, "PRAGMA application_id") !== applicationId;
  if (foreign) {
    throw new LedgerError(
      file,
      "it is a database of another program. Nothing was changed. Let BUILD_WATCHER_STATE_DIR name a directory of the bot's own.",
    );
  }
  return version < steps.length;
}

/** Updates the file to this version's schema, each step in its own transaction. */
export function migrate(database: DatabaseSync, file: string, steps: readonly string[] = versions): void {
  while (needsMigration(database, file, steps)) {
    database.exec("BEGIN IMMEDIATE");
    try {
      const version = readNumber(database, "PRAGMA user_version");
      database.exec(steps[version] ?? "");
      database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version + 1}; COMMIT`);
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}

function isPopulated(database: DatabaseSync): boolean {
  return readNumber(database, "SELECT count(*) FROM sqlite_schema") > 0;
}

function readNumber(database: DatabaseSync, query: string): number {
  return Number(Object.values(database.prepare(query).get() ?? {})[0]);
}
