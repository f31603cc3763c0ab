import type { Digest } from "../../core/images/image-reference.ts";
import { type ContentSummary, type Ecosystem, type PackageMatch, type PackageQuestion, QuestionError } from "../inventory.ts";
import { packageUrl } from "../purl.ts";
import { parseRange, type Range } from "../versions/range.ts";

/** A package as in the rows. Missing fields are empty texts. */
export interface NamedRow {
  readonly name: string;
  readonly ecosystem: Ecosystem;
  readonly package_group: string;
}

/** What a question means: the possible spellings of its name, and which of the packages found by them match. */
export interface Asked {
  /** All are looked up, ignoring case. */
  readonly spellings: readonly string[];
  isMeant(row: NamedRow): boolean;
  /** Whether a version is in the range. Each version is compared once. */
  isWithin(ecosystem: Ecosystem, version: string): boolean;
}

/** Understands names as people write them: Python's with any separator, a Maven artifact with its group and a colon. Throws `QuestionError`. */
export function readQuestion(question: PackageQuestion): Asked {
  const { name, ecosystem, group } = question;
  const colon = name.indexOf(":");
  const [askedGroup, artifact] = colon > 0 ? [name.slice(0, colon), name.slice(colon + 1)] : [group, name];
  const spellings = new Set([name, artifact, ...["-", "_", "."].map((separator) => name.replace(/[-_.]+/g, separator))]);
  const isExact = (row: NamedRow) => [name, artifact].some((one) => one.toLowerCase() === row.name.toLowerCase());
  const range = rangeOf(question);
  const judged = new Map<string, boolean>();
  return {
    spellings: [...spellings],
    isMeant: (row) =>
      (isExact(row) || row.ecosystem === "pypi") &&
      (ecosystem === undefined || row.ecosystem === ecosystem) &&
      (askedGroup === undefined || row.package_group.toLowerCase() === askedGroup.toLowerCase()),
    isWithin(of, version) {
      if (!range) return true;
      const key = `${of} ${version}`;
      const verdict = judged.get(key) ?? range(of, version);
      judged.set(key, verdict);
      return verdict;
    },
  };
}

function rangeOf({ range }: PackageQuestion): Range | undefined {
  if (range === undefined) return undefined;
  const parsed = parseRange(range);
  if (parsed) return parsed;
  throw new QuestionError(`${JSON.stringify(range.slice(0, 100))} is no version and no range such as ">=2.0 <2.17.1"`);
}

export interface MatchRow extends NamedRow {
  readonly version: string;
  readonly architecture: string;
  readonly layer: number;
}

/** A row as an answer. `summary` is its content's summary as JSON. */
export function matchOf(row: MatchRow, image: Digest, summary: string): PackageMatch {
  const { name, ecosystem, package_group: group, version, architecture, layer } = row;
  const content = JSON.parse(summary) as ContentSummary;
  const found = { ecosystem, name, version, ...(group && { group }), ...(architecture && { architecture }) };
  return { image, content, package: { ...found, layer, purl: packageUrl(found, content.distribution) } };
}
