import { SetupError } from "../../core/jobs/errors.ts";
import type { ShelfEntry } from "../../core/jobs/shelf.ts";
import { type Database, migrate } from "../../postgres/index.ts";
import { changingColumns, type KeptJob, type KeptTag, keptColumns, type LedgerEnd } from "../ledger-end.ts";
import { queueSchema } from "./schema/index.ts";

/** Milliseconds without a sign of life after which a replica surely does not work any more. */
const silence = 30_000;

/** Opens the ledger in a database to copy it. Throws a `SetupError` if bots work on it, or a `DatabaseError`. */
export async function openDatabaseEnd(database: Database): Promise<LedgerEnd> {
  const { name, run } = database;
  await migrate(database, queueSchema);
  const alive = await run<{ name: string }>(
    "SELECT name FROM build_watcher.replicas WHERE seen_at > build_watcher.now_ms() - $1",
    [silence],
  );
  if (alive.length > 0)
    throw new SetupError(`Bots work on the database ${name}: ${alive.map((one) => one.name).join(", ")}. Stop them first.`);

  return {
    place: name,
    marks: {
      async read(mark) {
        const [row] = await run<{ text: string }>("SELECT text FROM build_watcher.marks WHERE name = $1", [mark]);
        return row?.text;
      },
      async write(mark, text) {
        await run("INSERT INTO build_watcher.marks VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text", [
          mark,
          text,
        ]);
      },
      async first(mark, text) {
        await run("INSERT INTO build_watcher.marks VALUES ($1, $2) ON CONFLICT DO NOTHING", [mark, text]);
        return text;
      },
      async clear(mark) {
        await run("DELETE FROM build_watcher.marks WHERE name = $1", [mark]);
      },
    },
    jobs: (part, after, limit) => run<KeptJob>(select, [part, after, limit]),
    async keep(part, jobs) {
      return database.transaction(async (statement) => {
        const given = JSON.stringify(jobs.map((job) => ({ ...job, again: Boolean(job.again), inputs: JSON.parse(job.inputs) })));
        await statement(gates, [part, given]);
        const kept = await statement(upsert, [part, given]);
        await statement(inputs, [part, given]);
        return kept.length;
      });
    },
    tags: () => run<KeptTag>("SELECT tag, digest, completed_at FROM build_watcher.tags"),
    async keepTags(tags) {
      await run(keepTags, [JSON.stringify(tags)]);
    },
    shelf: () => run<ShelfEntry>("SELECT key, name, text FROM build_watcher.shelf"),
    async keepShelf(entries) {
      await run(keepShelf, [JSON.stringify(entries)]);
    },
    close: () => database.close(),
  };
}

const own = keptColumns.filter((name) => !["state", "due_at", "again"].includes(name));

const select = `SELECT number, ${own.join(", ")}, again::integer AS again,
    CASE WHEN state = 'running' THEN 'waiting' ELSE state END AS state, CASE WHEN state = 'running' THEN updated_at ELSE due_at END AS due_at,
    (SELECT coalesce(json_agg(digest), '[]')::text FROM build_watcher.inputs i WHERE i.number = j.number) AS inputs
  FROM build_watcher.jobs j WHERE queue = $1 AND number > $2 ORDER BY number LIMIT $3`;

const numbers = ["due_at", "failing_since", "failing_for", "given_up_after", "created_at", "updated_at", "seen_at"];
const smallNumbers = ["pool", "lane", "attempts", "failures", "crashes"];
const typeOf = (name: string) =>
  name === "again" ? "boolean" : numbers.includes(name) ? "bigint" : smallNumbers.includes(name) ? "integer" : "text";
const given = `jsonb_to_recordset($2::jsonb) AS r (${keptColumns.map((name) => `${name} ${typeOf(name)}`).join(", ")}, inputs jsonb)`;

/** Every analyzer has a gate, which also keeps the turns of its tenants. */
const gates = `INSERT INTO build_watcher.gates (queue, analyzer) SELECT DISTINCT $1, analyzer FROM ${given} ON CONFLICT DO NOTHING`;

const upsert = `INSERT INTO build_watcher.jobs AS known (queue, ${keptColumns.join(", ")}) SELECT $1, ${keptColumns.map((name) => `r.${name}`).join(", ")} FROM ${given}
  WHERE NOT EXISTS (SELECT 1 FROM build_watcher.jobs k WHERE k.queue = $1 AND k.group_id = r.group_id AND k.analyzer = r.analyzer AND k.id <> r.id)
  ON CONFLICT (id, queue) DO UPDATE SET ${changingColumns.map((name) => `${name} = excluded.${name}`).join(", ")}
    WHERE excluded.updated_at > known.updated_at OR (excluded.updated_at = known.updated_at AND excluded.result IS DISTINCT FROM known.result)
  RETURNING number`;

const inputs = `INSERT INTO build_watcher.inputs SELECT DISTINCT digest, j.number FROM ${given}
  JOIN build_watcher.jobs j ON j.queue = $1 AND j.id = r.id, jsonb_array_elements_text(r.inputs) AS digest ON CONFLICT DO NOTHING`;

const keepTags = `INSERT INTO build_watcher.tags AS known SELECT tag, digest, completed_at
    FROM jsonb_to_recordset($1::jsonb) AS r (tag text, digest text, completed_at bigint)
  ON CONFLICT (tag) DO UPDATE SET digest = excluded.digest, completed_at = excluded.completed_at
    WHERE excluded.completed_at >= known.completed_at`;

const keepShelf = `INSERT INTO build_watcher.shelf SELECT key, name, text FROM jsonb_to_recordset($1::jsonb) AS r (key text, name text, text text)
  ON CONFLICT (key, name) DO UPDATE SET text = excluded.text`;
