import type { ShelfEntry } from "../../core/jobs/shelf.ts";
import type { JobQueue } from "../job-queue.ts";
import type { Connection } from "./connection.ts";

/** Texts that all replicas share. */
export function createNotes(connection: Connection): Pick<JobQueue, "marks" | "shelf"> {
  const ask = <Row extends object>(sql: string, ...values: readonly unknown[]) =>
    connection.ask(({ run }) => run<Row>(sql, values));
  return {
    marks: {
      async read(name) {
        return (await ask<{ text: string }>("SELECT text FROM build_watcher.marks WHERE name = $1", name))[0]?.text;
      },
      async write(name, text) {
        await ask(
          "INSERT INTO build_watcher.marks VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text",
          name,
          text,
        );
      },
      async first(name, text) {
        const [row] = await ask<{ text: string }>(
          "INSERT INTO build_watcher.marks AS mark VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = mark.text RETURNING text",
          name,
          text,
        );
        return row?.text ?? text;
      },
      async clear(name) {
        await ask("DELETE FROM build_watcher.marks WHERE name = $1", name);
      },
    },
    shelf: {
      async put(entries) {
        // If several have the same key and name, the last one counts.
        const unique = [...new Map(entries.map((entry) => [JSON.stringify([entry.key, entry.name]), entry])).values()];
        await ask(
          `INSERT INTO build_watcher.shelf SELECT * FROM jsonb_to_recordset($1) AS entry (key text, name text, text text)
           ON CONFLICT (key, name) DO UPDATE SET text = excluded.text`,
          JSON.stringify(unique),
        );
      },
      async keys() {
        const rows = await ask<{ key: string }>("SELECT DISTINCT key FROM build_watcher.shelf ORDER BY key");
        return rows.map(({ key }) => key);
      },
      of: (keys) =>
        ask<ShelfEntry>("SELECT key, name, text FROM build_watcher.shelf WHERE key = ANY ($1::text[]) ORDER BY key, name", [
          ...keys,
        ]),
      async remove(keys) {
        await ask("DELETE FROM build_watcher.shelf WHERE key = ANY ($1::text[])", [...keys]);
      },
    },
  };
}
