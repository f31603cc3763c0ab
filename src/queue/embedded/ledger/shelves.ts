import type { DatabaseSync } from "node:sqlite";
import type { ShelfEntry } from "../../../core/jobs/shelf.ts";

/** `Shelf`, in steps of the caller's transaction. */
export interface Shelves {
  putAside(entries: readonly ShelfEntry[]): void;
  shelfKeys(): readonly string[];
  putAsideFor(keys: readonly string[]): readonly ShelfEntry[];
  takeFromShelf(keys: readonly string[]): void;
}

export function createShelves(connection: DatabaseSync): Shelves {
  const put = connection.prepare("INSERT OR REPLACE INTO shelf (key, name, text) VALUES (?, ?, ?)");
  const keys = connection.prepare("SELECT DISTINCT key FROM shelf ORDER BY key");
  const of = connection.prepare(
    "SELECT key, name, text FROM shelf WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key, name",
  );
  const remove = connection.prepare("DELETE FROM shelf WHERE key IN (SELECT value FROM json_each(?))");
  return {
    putAside(entries) {
      for (const { key, name, text } of entries) put.run(key, name, text);
    },
    shelfKeys: () => keys.all().map(({ key }) => String(key)),
    putAsideFor: (wanted) => of.all(JSON.stringify(wanted)).map((row) => ({ ...(row as unknown as ShelfEntry) })),
    takeFromShelf(taken) {
      remove.run(JSON.stringify(taken));
    },
  };
}
