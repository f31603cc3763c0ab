import { openJobsBeside } from "../../app/opening/queues.ts";
import { databaseSource } from "../../app/settings.ts";
import { systemClock } from "../../core/clock.ts";
import { type Digest, isDigest, parseImageReference } from "../../core/images/image-reference.ts";
import { parsePackageQuestion } from "../../core/jobs/package-question.ts";
import { forPeople } from "../../core/outside-text.ts";
import { openKnownPackages } from "../../inventory/index.ts";
import { type KnownPackages, type PackageChange, QuestionError } from "../../inventory/inventory.ts";
import type { JobQueue } from "../../queue/job-queue.ts";
import {
  answerQuestion,
  coverageText,
  type FoundGroup,
  type FoundImage,
  type FoundPackages,
  noneText,
} from "../../server/packages/answer.ts";
import { agoText } from "../../server/views/words.ts";
import { type CommandContext, UsageError } from "../command.ts";

export interface PackagesCall {
  /** A question, or with `diff` two images. */
  readonly words: readonly string[];
  readonly diff: boolean;
  readonly json: boolean;
}

/** Says which images have a package, also while a bot runs: 0 if some have it, 1 if none has. */
export async function packages(context: CommandContext, { words, diff, json }: PackagesCall): Promise<number> {
  return withKnown(context, async (known, queue) => {
    if (diff) return compare(context, known, words, json);
    const asked = parsePackageQuestion(words.join(" "));
    if (!asked)
      throw new UsageError(
        "Ask for a name, with a version or a range: packages log4j-core@2.14, or packages 'log4j-core@>=2.0 <2.17.1'.",
      );
    try {
      const answer = await answerQuestion(asked, { known, queue });
      if (json) context.screen.write(`${JSON.stringify(answer)}\n`);
      else show(context, answer);
      return answer.groups.length > 0 ? 0 : 1;
    } catch (error) {
      throw error instanceof QuestionError ? new UsageError(error.message) : error;
    }
  });
}

async function withKnown<T>(
  { config, environment, clock = systemClock }: CommandContext,
  use: (known: KnownPackages, queue: JobQueue) => Promise<T>,
): Promise<T> {
  const { stateDirectory: directory, layerCache } = config;
  const queue = await openJobsBeside(config, environment);
  try {
    const known = await openKnownPackages({ directory, layerCache, database: databaseSource(config, environment), clock });
    return await use(known, queue).finally(() => known.close());
  } finally {
    await queue.close();
  }
}

function show({ screen, clock = systemClock }: CommandContext, { groups, more, coverage }: FoundPackages): void {
  for (const group of groups) screen.write(`${groupLines(group, clock.now()).join("\n")}\n`);
  if (groups.length === 0) screen.write(`${noneText(coverage)}\n`);
  if (more) screen.write("There are more images than are listed here; ask for a version or a range.\n");
  screen.write(`${coverageText(coverage)}\n`);
}

function groupLines({ subject, isCurrent, newest, older }: FoundGroup, now: number): string[] {
  const fold = older.length > 0 ? `  and ${older.length} older ${older.length === 1 ? "build" : "builds"}` : undefined;
  const gone = isCurrent ? undefined : "  Its newest build does not have it any more.";
  return [forPeople(subject), ...imageLines(newest, now), gone, fold].filter((line) => line !== undefined);
}

function imageLines(
  { image, namespace, build, commit, completedAt, packages: found, platform }: FoundImage,
  now: number,
): string[] {
  const at = Date.parse(completedAt ?? "");
  const made = [build && `${namespace}/${build}`, commit?.slice(0, 8), !Number.isNaN(at) && agoText(now - at), platform]
    .filter(Boolean)
    .join(", ");
  const lines = found.map(({ name, version, origin }) => {
    const from = origin.kind === "own" ? "own layer" : `from the base: fix it in ${origin.buildConfig ?? origin.image}`;
    return `  ${name} ${version} (${from})`;
  });
  return [...lines, `  in ${image}${made && ` (${made})`}`].map((line) => forPeople(line, 2_000));
}

async function compare(
  { screen }: CommandContext,
  known: KnownPackages,
  words: readonly string[],
  json: boolean,
): Promise<number> {
  const [before, after, ...rest] = words.map(digestOf);
  if (!before || !after || rest.length > 0)
    throw new UsageError("packages --diff takes two images by digest, as jobs lists them.");
  const difference = await known.compare(before, after, Number.MAX_SAFE_INTEGER);
  if (!difference) throw new UsageError("One of the two images was not read: `build-watcher sbom <image>` reads it.");
  if (json) screen.write(`${JSON.stringify(difference)}\n`);
  else
    screen.write(
      difference.count === 0 ? "The same packages.\n" : difference.changes.map((change) => `${changeLine(change)}\n`).join(""),
    );
  return difference.count === 0 ? 0 : 1;
}

function changeLine({ name, before, after }: PackageChange): string {
  if (before === undefined) return `+ ${name} ${after}`;
  return after === undefined ? `- ${name} ${before}` : `  ${name} ${before} -> ${after}`;
}

/** A digest alone, or an image named by one. */
function digestOf(text: string): Digest | undefined {
  if (isDigest(text)) return text;
  try {
    return parseImageReference(text).digest;
  } catch {
    return undefined;
  }
}
