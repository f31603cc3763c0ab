import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "../../core/image-reference.ts";
import {
  type ContentSummary,
  type Ecosystem,
  type PackageAnswer,
  type PackageMatch,
  type PackageQuestion,
  QuestionError,
} from "../inventory.ts";
import { packageUrl } from "../purl.ts";
import { parseRange, type Range } from "../versions/range.ts";

export type Finder = (question: PackageQuestion, limit: number) => PackageAnswer;

interface NameRow {
  readonly id: number;
  readonly name: string;
  readonly ecosystem: Ecosystem;
  readonly package_group: string;
}

interface FoundRow {
  readonly content: number;
  readonly version: string;
  readonly architecture: string;
  readonly layer: number;
}

/** Looks packages up by name; versions are judged one by one, each once. */
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
    const range = rangeOf(question);
    const rows = namesOf(question).flatMap((name) => foundOf(name, range, limit));
    const matches = rows
      .toSorted((a, b) => b.row.content - a.row.content)
      .flatMap(({ name, row }) => matchesOf(name, row, limit));
    return { matches: matches.slice(0, limit), more: matches.length > limit };
  };

  /** Names as people write them: Python's with any separator, a Maven artifact with its group before a colon. */
  function namesOf({ name, ecosystem, group }: PackageQuestion): readonly NameRow[] {
    const colon = name.indexOf(":");
    const [askedGroup, artifact] = colon > 0 ? [name.slice(0, colon), name.slice(colon + 1)] : [group, name];
    const spellings = new Set([name, artifact, ...["-", "_", "."].map((separator) => name.replace(/[-_.]+/g, separator))]);
    const rows = [...spellings].flatMap((spelling) => statements.names.all(spelling) as unknown as NameRow[]);
    const isExact = (row: NameRow) => [name, artifact].some((one) => one.toLowerCase() === row.name.toLowerCase());
    return rows.filter(
      (row) =>
        (isExact(row) || row.ecosystem === "pypi") &&
        (ecosystem === undefined || row.ecosystem === ecosystem) &&
        (askedGroup === undefined || row.package_group.toLowerCase() === askedGroup.toLowerCase()),
    );
  }

  function foundOf(name: NameRow, range: Range | undefined, limit: number): { name: NameRow; row: FoundRow }[] {
    const judged = new Map<string, boolean>();
    const rows: { name: NameRow; row: FoundRow }[] = [];
    for (const row of statements.found.iterate(name.id) as Iterable<unknown> as Iterable<FoundRow>) {
      const isWithin = judged.get(row.version) ?? (range ? range(name.ecosystem, row.version) : true);
      judged.set(row.version, isWithin);
      if (isWithin) rows.push({ name, row });
      // One more tells that there are more.
      if (rows.length > limit) break;
    }
    return rows;
  }

  function matchesOf({ name, ecosystem, package_group: group }: NameRow, row: FoundRow, limit: number): PackageMatch[] {
    const images = (statements.images.all(row.content) as { digest: Digest; summary: string }[]).slice(0, limit + 1);
    return images.map(({ digest, summary }) => {
      const content = JSON.parse(summary) as ContentSummary;
      const { version, architecture, layer } = row;
      const found = { ecosystem, name, version, ...(group && { group }), ...(architecture && { architecture }) };
      return { image: digest, content, package: { ...found, layer, purl: packageUrl(found, content.distribution) } };
    });
  }
}

function rangeOf({ range }: PackageQuestion): Range | undefined {
  if (range === undefined) return undefined;
  const parsed = parseRange(range);
  if (parsed) return parsed;
  throw new QuestionError(`${JSON.stringify(range.slice(0, 100))} is no version and no range such as ">=2.0 <2.17.1"`);
}
