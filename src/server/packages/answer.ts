import { setImmediate as nextTurn } from "node:timers/promises";
import { formatImageName } from "../../core/images/image-name.ts";
import type { Digest } from "../../core/images/image-reference.ts";
import type { PackageQuestion } from "../../core/jobs/package-question.ts";
import { grouped } from "../../core/numbers.ts";
import type { Completeness, KnownPackages, PackageMatch } from "../../inventory/inventory.ts";
import type { JobQueue, JobRecord, JobState } from "../../queue/job-queue.ts";
import { counted } from "../views/words.ts";
import { type Origin, originsOf } from "./origin.ts";

export interface AnswerParts {
  readonly queue: Pick<JobQueue, "withImage" | "recent">;
  readonly known: KnownPackages;
}

/** A package as it was found in an image. */
export interface FoundPackage {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly layer: string;
  readonly origin: Origin;
}

/** An image with a match: one that a build made, or a base image. */
export interface FoundImage {
  readonly image: string;
  readonly digest: Digest;
  readonly platform?: string;
  readonly job?: string;
  readonly namespace?: string;
  readonly build?: string;
  readonly state?: JobState;
  readonly commit?: string;
  readonly completedAt?: string;
  readonly base?: string;
  readonly packages: readonly FoundPackage[];
}

/** The matches in one BuildConfig's images. */
export interface FoundGroup {
  /** `namespace/name` of a BuildConfig, else an image's name. */
  readonly subject: string;
  /** Whether the newest build of the BuildConfig has it still. */
  readonly isCurrent: boolean;
  readonly newest: FoundImage;
  readonly older: readonly FoundImage[];
}

export interface FoundPackages {
  /** Those that still have it come first, then the newest. */
  readonly groups: readonly FoundGroup[];
  /** Whether there are more images than are listed. */
  readonly more: boolean;
  /** How much could be read. The answer says nothing about the rest. */
  readonly coverage: Readonly<Record<Completeness, number>>;
}

/** The most images that are listed. */
const mostMatches = 500;
const mostBuilds = 50;

/** Which images have a package, by the builds that made them. Throws `QuestionError`. */
export async function answerQuestion(question: PackageQuestion, parts: AnswerParts, limit = mostMatches): Promise<FoundPackages> {
  const { matches, more } = await parts.known.find(question, limit);
  const groups = new Map<string, FoundImage[]>();
  for (const [, same] of byContent(matches)) {
    for (const [subject, image] of await imagesOf(same, parts)) groups.set(subject, [...(groups.get(subject) ?? []), image]);
    // Lets other requests have their turn.
    await nextTurn();
  }
  const listed: FoundGroup[] = [];
  for (const [subject, images] of groups) listed.push(await groupOf(subject, images, parts.queue));
  return { groups: listed.toSorted(currentFirst), more, coverage: await parts.known.coverage() };
}

/** Several packages of one content belong together. */
function byContent(matches: readonly PackageMatch[]): Map<string, PackageMatch[]> {
  const images = new Map<string, PackageMatch[]>();
  for (const match of matches) {
    const key = `${match.image} ${match.content.digest}`;
    images.set(key, [...(images.get(key) ?? []), match]);
  }
  return images;
}

async function imagesOf(same: readonly PackageMatch[], parts: AnswerParts): Promise<[subject: string, FoundImage][]> {
  const [first] = same;
  if (!first) return [];
  const records = oneOfBuild(await parts.queue.withImage(first.image, "output", mostBuilds));
  const on = records.length > 0 ? undefined : (await parts.queue.withImage(first.image, "base", 1))[0];
  const describe = async (record: JobRecord | undefined) => ({
    ...commonOf(first),
    packages: await packagesOf(same, record, parts),
  });
  if (records.length === 0) {
    const image = (on?.job.base && formatImageName(on.job.base)) ?? on?.result?.base ?? first.image;
    return [[image, { ...(await describe(undefined)), image }]];
  }
  return Promise.all(
    records.map(async (record) => {
      const image = { ...(await describe(record)), ...buildOf(record) };
      return [record.job.buildConfig ?? image.image, image] as [string, FoundImage];
    }),
  );
}

/** A build has one job per analyzer; any of them represents it. */
function oneOfBuild(records: readonly JobRecord[]): readonly JobRecord[] {
  return [...new Map(records.map((record) => [buildKey(record), record])).values()];
}

function buildKey({ job, result }: JobRecord): string {
  return job.build?.uid ?? result?.source ?? (job.output ? formatImageName(job.output) : job.id);
}

function commonOf({ image, content }: PackageMatch) {
  return { digest: image, ...(content.platform && { platform: content.platform }) };
}

function buildOf(record: JobRecord) {
  const { job, state, result } = record;
  const image = result?.source ?? result?.output ?? (job.output && formatImageName(job.output)) ?? "";
  const base = job.base ? formatImageName(job.base) : result?.base;
  return {
    image,
    job: job.id,
    state,
    ...(job.build && { namespace: job.build.namespace, build: job.build.name }),
    ...(job.commit && { commit: job.commit }),
    ...(job.completedAt && { completedAt: job.completedAt }),
    ...(base && { base }),
  };
}

async function packagesOf(
  same: readonly PackageMatch[],
  record: JobRecord | undefined,
  parts: AnswerParts,
): Promise<FoundPackage[]> {
  const origin = await originsOf(record, parts);
  return same.map(({ content, package: { name, group, version, purl, layer } }) => {
    const digest = content.layers[layer] ?? "";
    return { name: group ? `${group}:${name}` : name, version, purl, layer: digest, origin: origin(digest) };
  });
}

async function groupOf(subject: string, images: readonly FoundImage[], queue: AnswerParts["queue"]): Promise<FoundGroup> {
  const [newest, ...older] = images.toSorted((a, b) => timeOf(b) - timeOf(a)) as [FoundImage, ...FoundImage[]];
  const last = newest.build === undefined ? undefined : await newestOf(subject, queue);
  const isCurrent = last === undefined || images.some(({ build }) => build === last);
  return { subject, isCurrent, newest, older };
}

/** The name of a BuildConfig's newest build. */
async function newestOf(buildConfig: string, queue: AnswerParts["queue"]): Promise<string | undefined> {
  const records = (await queue.recent(mostBuilds, { buildConfig })).filter(({ job }) => job.output !== undefined);
  const newest = records.toSorted((a, b) => Date.parse(b.job.completedAt ?? "") - Date.parse(a.job.completedAt ?? ""))[0];
  return newest?.job.build?.name;
}

function currentFirst(a: FoundGroup, b: FoundGroup): number {
  return Number(b.isCurrent) - Number(a.isCurrent) || timeOf(b.newest) - timeOf(a.newest) || (a.subject < b.subject ? -1 : 1);
}

function timeOf({ completedAt }: FoundImage): number {
  const time = Date.parse(completedAt ?? "");
  return Number.isNaN(time) ? 0 : time;
}

/** Words for an answer that names no image. */
export function noneText({ complete, partial }: FoundPackages["coverage"]): string {
  return complete + partial > 0 ? "None of the images that were read has it." : "No image could be read, so there is no answer.";
}

/** What an answer rests on, in a sentence or two: an image that could not be read may have the package as well. */
export function coverageText({ complete, partial, unknown }: FoundPackages["coverage"]): string {
  const some = partial > 0 ? `, ${grouped(partial)} only in part` : "";
  const read = `${counted(complete + partial, "image")} read${some}.`;
  return unknown > 0 ? `${read} The packages of ${grouped(unknown)} more are not known, so it can be there, too.` : read;
}
