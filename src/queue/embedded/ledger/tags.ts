import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../../../core/images/image-reference.ts";
import type { Completion } from "../../../core/images/tag-memory.ts";

/** Milliseconds: much longer than the age of any job that could still give a tag to an older image. */
const remembered = 180 * 24 * 3_600_000;

/** `TagMemory`, in steps of the caller's transaction. */
export interface Tags {
  latestTag(tag: string, completion: Completion): Digest;
  /** Forgets tags whose image was completed long before this time. */
  forgetTags(before: number): void;
}

export function createTags(connection: DatabaseSync): Tags {
  const record = connection.prepare(
    `INSERT INTO tags (tag, digest, completed_at) VALUES (?1, ?2, ?3) ON CONFLICT (tag) DO UPDATE
       SET digest = excluded.digest, completed_at = excluded.completed_at WHERE excluded.completed_at >= completed_at`,
  );
  const read = connection.prepare("SELECT digest FROM tags WHERE tag = ?");
  const forget = connection.prepare("DELETE FROM tags WHERE completed_at < ?");
  return {
    latestTag(tag, { digest, completedAt }) {
      record.run(tag, digest, completedAt);
      return (read.get(tag) as { digest: Digest }).digest;
    },
    forgetTags(before) {
      forget.run(before - remembered);
    },
  };
}
