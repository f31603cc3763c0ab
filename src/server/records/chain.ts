import { formatImageName, type ImageName } from "../../core/images/image-name.ts";
import { type Digest, isDigest } from "../../core/images/image-reference.ts";
import type { JobQueue, JobRecord } from "../../queue/job-queue.ts";

/** A build in a chain of builds whose images are based on each other, with the builds based on it. */
export interface ChainLink {
  readonly record: JobRecord;
  readonly isAsked: boolean;
  /** Whether it only takes files from the image before it, instead of being based on it. */
  readonly takesFiles: boolean;
  readonly madeOnIt: readonly ChainLink[];
  /** How many further builds are based on it than are listed. */
  readonly isCut: boolean;
}

export interface Chain {
  /** The base image of the first build, or an image it takes files from, that no known build made. */
  readonly foundation?: string;
  readonly first: ChainLink;
}

type Lookup = Pick<JobQueue, "withImage">;

const longestWayDown = 10;
const longestWayUp = 4;
const mostAtOnce = 12;

/** The builds that made the images which a job's image is based on, and those based on it. */
export async function findChain(queue: Lookup, asked: JobRecord): Promise<Chain> {
  const wayDown = await sources(queue, asked);
  const up = await links(queue, asked, asked, longestWayUp, new Set(wayDown.map(({ record }) => record.job.id)));
  let first: ChainLink = up;
  for (const { record, takesFiles } of wayDown.slice(1))
    first = { record, isAsked: false, takesFiles: false, madeOnIt: [{ ...first, takesFiles }], isCut: false };
  const last = wayDown.at(-1)?.record ?? asked;
  const base = baseName(last);
  const input = last.job.inputs?.[0];
  const foundation = base ?? (input && formatImageName(input));
  return {
    first: { ...first, takesFiles: base === undefined && input !== undefined },
    ...(foundation !== undefined && { foundation }),
  };
}

interface Step {
  readonly record: JobRecord;
  /** Whether the step before only takes files from its image. */
  readonly takesFiles: boolean;
}

/** The job itself, the one that made its base image or else an image it takes files from, and so on. */
async function sources(queue: Lookup, asked: JobRecord): Promise<readonly Step[]> {
  const way: Step[] = [{ record: asked, takesFiles: false }];
  for (let last = asked; way.length < longestWayDown; ) {
    const next = await makerOf(queue, last);
    if (!next || way.some(({ record }) => record.job.id === next.record.job.id)) break;
    way.push(next);
    last = next.record;
  }
  return way;
}

async function makerOf(queue: Lookup, record: JobRecord): Promise<Step | undefined> {
  const inputs = (record.job.inputs ?? []).map((image) => ({ digest: digestOfName(image), takesFiles: true }));
  for (const { digest, takesFiles } of [{ digest: imageDigest(record, "base"), takesFiles: false }, ...inputs]) {
    const maker = digest && (await queue.withImage(digest, "output", mostAtOnce)).find(({ job }) => job.build !== undefined);
    if (maker) return { record: maker, takesFiles };
  }
  return undefined;
}

async function links(queue: Lookup, record: JobRecord, asked: JobRecord, depth: number, seen: Set<string>): Promise<ChainLink> {
  const digest = imageDigest(record, "output");
  const made = async (as: "base" | "input") => {
    const children = digest && depth > 0 ? await queue.withImage(digest, as, mostAtOnce + 1) : [];
    return children.map((child) => ({ record: child, takesFiles: as === "input" }));
  };
  const found = [...(await made("base")), ...(await made("input"))];
  const isNew = (id: string) => !seen.has(id) && seen.add(id) !== undefined;
  const fresh = found.slice(0, mostAtOnce).filter((child) => isNew(child.record.job.id));
  const madeOnIt: ChainLink[] = [];
  // One after the other, so that each build is listed where it is found first.
  for (const child of fresh) {
    const link = await links(queue, child.record, asked, depth - 1, seen);
    madeOnIt.push({ ...link, takesFiles: child.takesFiles });
  }
  return { record, isAsked: record === asked, takesFiles: false, madeOnIt, isCut: found.length > mostAtOnce };
}

/** The digest of one of a job's images: as the build named it, else as submitted. */
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
