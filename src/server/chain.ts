import { formatImageName, type ImageName } from "../core/image-name.ts";
import { type Digest, isDigest } from "../core/image-reference.ts";
import type { JobQueue, JobRecord } from "../queue/job-queue.ts";

/** A build in the chain of builds whose images stand on each other, with the builds made on it. */
export interface ChainLink {
  readonly record: JobRecord;
  readonly isAsked: boolean;
  readonly madeOnIt: readonly ChainLink[];
  /** How many more were made on it than are listed. */
  readonly isCut: boolean;
}

export interface Chain {
  /** The image the first build stands on, which no known build made. */
  readonly foundation?: string;
  readonly first: ChainLink;
}

type Lookup = Pick<JobQueue, "withImage">;

const longestWayDown = 10;
const longestWayUp = 4;
const mostAtOnce = 12;

/** Which builds made the images a job's image stands on, and which were made on it. */
export function findChain(queue: Lookup, asked: JobRecord): Chain {
  const wayDown = bases(queue, asked);
  const up = links(queue, asked, asked, longestWayUp, new Set(wayDown.map(({ job }) => job.id)));
  const first = wayDown.slice(1).reduce<ChainLink>((link, record) => {
    return { record, isAsked: false, madeOnIt: [link], isCut: false };
  }, up);
  const foundation = wayDown.at(-1) && baseName(wayDown.at(-1));
  return { first, ...(foundation !== undefined && { foundation }) };
}

/** The job itself, the one that made its base image, and so on. */
function bases(queue: Lookup, asked: JobRecord): readonly JobRecord[] {
  const way = [asked];
  for (let last = asked; way.length < longestWayDown; ) {
    const digest = imageDigest(last, "base");
    const maker = digest && queue.withImage(digest, "output", mostAtOnce).find(({ job }) => job.build !== undefined);
    if (!maker || way.some(({ job }) => job.id === maker.job.id)) break;
    way.push(maker);
    last = maker;
  }
  return way;
}

function links(queue: Lookup, record: JobRecord, asked: JobRecord, depth: number, seen: Set<string>): ChainLink {
  const digest = imageDigest(record, "output");
  const found = digest && depth > 0 ? queue.withImage(digest, "base", mostAtOnce + 1) : [];
  const fresh = found.slice(0, mostAtOnce).filter(({ job }) => !seen.has(job.id));
  for (const { job } of fresh) seen.add(job.id);
  const madeOnIt = fresh.map((child) => links(queue, child, asked, depth - 1, seen));
  return { record, isAsked: record === asked, madeOnIt, isCut: found.length > mostAtOnce };
}

/** The digest of one of a job's images: as its build named it, else as it was submitted. */
export function imageDigest({ job, result }: JobRecord, image: "output" | "base"): Digest | undefined {
  const [, submitted] = result?.[image]?.split("@") ?? [];
  return digestOfName(job[image]) ?? (isDigest(submitted) ? submitted : undefined);
}

function digestOfName(image: ImageName | undefined): Digest | undefined {
  if (image?.kind === "reference") return image.reference.digest;
  return image?.kind === "stream-image" ? image.digest : undefined;
}

function baseName(record: JobRecord | undefined): string | undefined {
  return record?.job.base ? formatImageName(record.job.base) : record?.result?.base;
}
