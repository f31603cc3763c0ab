import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../../../core/images/image-reference.ts";
import { atomic } from "./image-table.ts";

/** What was read of layers. When it is full, the least recently used ones are dropped. */
export interface LayerCache {
  layer(digest: Digest, now: number): Uint8Array | undefined;
  keepLayer(digest: Digest, contents: Uint8Array, now: number): void;
}

export function createLayerCache(connection: DatabaseSync, limit: number): LayerCache {
  const statements = {
    get: connection.prepare("SELECT contents, used_at FROM layers WHERE digest = ?"),
    touch: connection.prepare("UPDATE layers SET used_at = ? WHERE digest = ?"),
    add: connection.prepare("INSERT OR REPLACE INTO layers (digest, contents, size, used_at) VALUES (?, ?, ?, ?)"),
    size: connection.prepare("SELECT coalesce(sum(size), 0) AS size FROM layers"),
    oldest: connection.prepare("SELECT digest, size FROM layers ORDER BY used_at LIMIT 1"),
    drop: connection.prepare("DELETE FROM layers WHERE digest = ?"),
  };
  return {
    layer(digest, now) {
      const row = statements.get.get(digest) as { contents: Uint8Array; used_at: number } | undefined;
      // Once a minute is exact enough. It saves a write for each of many images with the same base.
      if (row && row.used_at < now - 60_000) statements.touch.run(now, digest);
      return row?.contents;
    },
    keepLayer(digest, contents, now) {
      if (contents.length > limit) return;
      atomic(connection, () => {
        statements.add.run(digest, contents, contents.length, now);
        let size = (statements.size.get() as { size: number }).size;
        while (size > limit) {
          const oldest = statements.oldest.get() as { digest: string; size: number };
          statements.drop.run(oldest.digest);
          size -= oldest.size;
        }
      });
    },
  };
}
