import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../../../core/images/image-reference.ts";
import type { Completeness, ContentSummary, ImageContent, ImageSummary } from "../../inventory.ts";
import type { FoundTable } from "./found-table.ts";
import { summarize, unpackContent } from "./packed-content.ts";

/** Which images were read, and their contents. Each change is atomic. */
export interface ImageTable {
  keepImage(image: Digest, contents: readonly Uint8Array[], isSettled: boolean, now: number): void;
  isSettled(image: Digest): boolean;
  summary(image: Digest): ImageSummary | undefined;
  coverage(): Readonly<Record<Completeness, number>>;
  /** Finds a content by its own digest, or the first content of the image with this digest. */
  content(digest: Digest): ImageContent | undefined;
  images(readBefore: number, after: Digest | undefined, limit: number): readonly Digest[];
  forget(images: readonly Digest[]): void;
}

export function createImageTable(connection: DatabaseSync, found: FoundTable): ImageTable {
  const statements = prepare(connection);
  const contents = createContentRows(statements, found);

  return {
    keepImage: (image, packed, isSettled, now) =>
      atomic(connection, () => {
        const { id } = statements.addImage.get(image, now, Number(isSettled)) as { id: number };
        const before = statements.unlink.all(id) as { content: number }[];
        packed.forEach((content, place) => void statements.link.run(id, place, contents.keep(content)));
        contents.dropUnused(before);
      }),
    isSettled: (image) => statements.image.get(image)?.is_settled === 1,
    summary(image) {
      const id = statements.image.get(image)?.id as number | undefined;
      if (id === undefined) return undefined;
      const rows = statements.summaries.all(id) as { summary: string }[];
      return { digest: image, contents: rows.map(({ summary }) => JSON.parse(summary) as ContentSummary) };
    },
    coverage() {
      const rows = statements.coverage.all() as { completeness: Completeness; count: number }[];
      return { complete: 0, partial: 0, unknown: 0, ...Object.fromEntries(rows.map((row) => [row.completeness, row.count])) };
    },
    content(digest) {
      const row = (statements.firstContent.get(digest) ?? statements.content.get(digest)) as { content: Uint8Array } | undefined;
      return row && unpackContent(row.content);
    },
    images: (readBefore, after, limit) =>
      (statements.images.all(readBefore, after ?? "", limit) as { digest: Digest }[]).map(({ digest }) => digest),
    forget: (images) =>
      atomic(connection, () => {
        for (const image of images) {
          const id = statements.image.get(image)?.id as number | undefined;
          if (id === undefined) continue;
          contents.dropUnused(statements.unlink.all(id) as { content: number }[]);
          statements.dropImage.run(id);
        }
        if (images.length > 0) found.sweep();
      }),
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(connection: DatabaseSync) {
  return {
    image: connection.prepare("SELECT id, is_settled FROM images WHERE digest = ?"),
    addImage: connection.prepare(
      "INSERT INTO images (digest, read_at, is_settled) VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET read_at = excluded.read_at, is_settled = excluded.is_settled RETURNING id",
    ),
    dropImage: connection.prepare("DELETE FROM images WHERE id = ?"),
    images: connection.prepare("SELECT digest FROM images WHERE read_at < ? AND digest > ? ORDER BY digest LIMIT ?"),
    link: connection.prepare("INSERT INTO image_contents (image, place, content) VALUES (?, ?, ?)"),
    unlink: connection.prepare("DELETE FROM image_contents WHERE image = ? RETURNING content"),
    users: connection.prepare("SELECT 1 FROM image_contents WHERE content = ? LIMIT 1"),
    summaries: connection.prepare(
      "SELECT summary FROM image_contents JOIN contents ON contents.id = image_contents.content WHERE image = ? ORDER BY place",
    ),
    firstContent: connection.prepare(
      "SELECT contents.content FROM images JOIN image_contents ON image = images.id AND place = 0 JOIN contents ON contents.id = image_contents.content WHERE images.digest = ?",
    ),
    content: connection.prepare("SELECT id, content FROM contents WHERE digest = ?"),
    contentById: connection.prepare("SELECT content FROM contents WHERE id = ?"),
    coverage: connection.prepare("SELECT summary ->> 'completeness' AS completeness, count(*) AS count FROM contents GROUP BY 1"),
    addContent: connection.prepare("INSERT INTO contents (digest, summary, content) VALUES (?, ?, ?) RETURNING id"),
    changeContent: connection.prepare("UPDATE contents SET summary = ?, content = ? WHERE id = ?"),
    dropContent: connection.prepare("DELETE FROM contents WHERE id = ?"),
  };
}

function createContentRows(statements: Statements, found: FoundTable) {
  return {
    /** The row of a content. A content that was read again replaces the earlier one. */
    keep(packed: Uint8Array): number {
      const content = unpackContent(packed);
      const summary = JSON.stringify(summarize(content));
      const known = statements.content.get(content.digest) as { id: number } | undefined;
      if (known) {
        found.remove(known.id, packagesOf(known.id));
        statements.changeContent.run(summary, packed, known.id);
      }
      const id = known?.id ?? (statements.addContent.get(content.digest, summary, packed) as { id: number }).id;
      found.add(id, content.packages);
      return id;
    },
    dropUnused(contents: readonly { content: number }[]): void {
      for (const { content } of contents) {
        if (statements.users.get(content)) continue;
        found.remove(content, packagesOf(content));
        statements.dropContent.run(content);
      }
    },
  };

  function packagesOf(id: number): ImageContent["packages"] {
    const row = statements.contentById.get(id) as { content: Uint8Array } | undefined;
    return row ? unpackContent(row.content).packages : [];
  }
}

/** Runs changes in one transaction. */
export function atomic(connection: DatabaseSync, act: () => void): void {
  connection.exec("BEGIN IMMEDIATE");
  try {
    act();
    connection.exec("COMMIT");
  } catch (error) {
    connection.exec("ROLLBACK");
    throw error;
  }
}
