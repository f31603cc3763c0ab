import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../../core/images/image-reference.ts";
import type { PackageAnswer, PackageQuestion } from "../inventory.ts";
import { type Asked, matchOf, type NamedRow, readQuestion } from "./asked.ts";

export type Finder = (question: PackageQuestion, limit: number) => PackageAnswer;

interface NameRow extends NamedRow {
  readonly id: number;
}

interface FoundRow {
  readonly content: number;
  readonly version: string;
  readonly architecture: string;
  readonly layer: number;
}

/** Looks up packages by name. Each version is compared once. */
export function createFinder(connection: DatabaseSync): Finder {
  const statements = {
    names: connection.prepare("SELECT id, name, ecosystem, package_group FROM names WHERE name = ? COLLATE NOCASE"),
    found: connection.prepare(
      "SELECT content, v.text AS version, a.text AS architecture, layer FROM found JOIN texts v ON v.id = version JOIN texts a ON a.id = architecture WHERE name = ? ORDER BY content DESC",
    ),
    images: connection.prepare(
      "SELECT images.digest, summary FROM contents JOIN image_contents ON image_contents.content = contents.id JOIN images ON images.id = image WHERE contents.id = ?",
    ),
  };

  return (question, limit) => {
    const asked = readQuestion(question);
    const names = asked.spellings.flatMap((spelling) => statements.names.all(spelling) as unknown as NameRow[]);
    const rows = names.filter(asked.isMeant).flatMap((name) => foundOf(name, asked, limit));
    const matches = rows
      .toSorted((a, b) => b.row.content - a.row.content)
      .flatMap(({ name, row }) =>
        imagesOf(row, limit).map(({ digest, summary }) => matchOf({ ...name, ...row }, digest, summary)),
      );
    return { matches: matches.slice(0, limit), more: matches.length > limit };
  };

  function foundOf(name: NameRow, asked: Asked, limit: number): { name: NameRow; row: FoundRow }[] {
    const rows: { name: NameRow; row: FoundRow }[] = [];
    for (const row of statements.found.iterate(name.id) as Iterable<unknown> as Iterable<FoundRow>) {
      if (asked.isWithin(name.ecosystem, row.version)) rows.push({ name, row });
      // One more than wanted shows that there are more.
      if (rows.length > limit) break;
    }
    return rows;
  }

  function imagesOf({ content }: FoundRow, limit: number): { digest: Digest; summary: string }[] {
    return (statements.images.all(content) as { digest: Digest; summary: string }[]).slice(0, limit + 1);
  }
}
