import { formatImageName } from "../../core/images/image-name.ts";
import type { KnownPackages } from "../../inventory/inventory.ts";
import type { JobQueue, JobRecord } from "../../queue/job-queue.ts";
import { imageDigest } from "../records/chain.ts";

/** Whose layer a package is in: the image's own, or a base image's, where it has to be fixed. */
export type Origin = { readonly kind: "own" } | { readonly kind: "base"; readonly image: string; readonly buildConfig?: string };

/** A base image with its layers. */
interface Base {
  readonly image: string;
  readonly buildConfig?: string;
  readonly layers: ReadonlySet<string>;
}

export type OriginOf = (layer: string) => Origin;

const longestWayDown = 5;

/** Says whose layers a job's image has: a layer belongs to the lowest base image that has it. */
export async function originsOf(
  record: JobRecord | undefined,
  { queue, known }: { readonly queue: Pick<JobQueue, "withImage">; readonly known: Pick<KnownPackages, "summary"> },
): Promise<OriginOf> {
  const bases = record ? await basesOf(record, queue, known) : [];
  return (layer) => {
    const base = bases.findLast(({ layers }) => layers.has(layer));
    return base
      ? { kind: "base", image: base.image, ...(base.buildConfig && { buildConfig: base.buildConfig }) }
      : { kind: "own" };
  };
}

async function basesOf(
  first: JobRecord,
  queue: Pick<JobQueue, "withImage">,
  known: Pick<KnownPackages, "summary">,
): Promise<Base[]> {
  const bases: Base[] = [];
  for (let record: JobRecord | undefined = first; record && bases.length < longestWayDown; ) {
    const digest = imageDigest(record, "base");
    const summary = digest && (await known.summary(digest));
    if (!digest || !summary) break;
    const maker: JobRecord | undefined = (await queue.withImage(digest, "output", 1))[0];
    const image: string = record.job.base ? formatImageName(record.job.base) : (record.result?.base ?? digest);
    const layers = new Set(summary.contents.flatMap((content) => content.layers));
    bases.push({ image, layers, ...(maker?.job.buildConfig && { buildConfig: maker.job.buildConfig }) });
    record = maker;
  }
  return bases;
}
