import type { Digest } from "../../core/images/image-reference.ts";
import { isSameProduct } from "../../core/jobs/job.ts";
import type { ContentSummary, KnownPackages, ListedPackage, PackageDifference } from "../../inventory/inventory.ts";
import type { JobQueue, JobRecord } from "../../queue/job-queue.ts";
import { imageDigest } from "../records/chain.ts";
import { type Origin, originsOf } from "./origin.ts";

/** What a job's page shows of the packages in its image. */
export interface JobPackages {
  readonly digest: Digest;
  /** One per platform. */
  readonly contents: readonly ContentSummary[];
  /** The packages that are shown, of the first platform. */
  readonly packages: readonly (ListedPackage & { readonly origin: Origin })[];
  /** How many of all packages came with the base image; undefined when the base was not read. */
  readonly fromBase: number | undefined;
  /** Compared with the previous build of the BuildConfig, if its image was read. */
  readonly changes: (PackageDifference & { readonly since: JobRecord }) | undefined;
}

const shownPackages = 1_000;
const shownChanges = 200;
const lookedBack = 20;

/** Undefined when the image was not read. */
export async function packagesOfJob(
  record: JobRecord,
  parts: { readonly queue: Pick<JobQueue, "withImage" | "recent">; readonly known: KnownPackages },
): Promise<JobPackages | undefined> {
  const digest = imageDigest(record, "output");
  const summary = digest && (await parts.known.summary(digest));
  const content = summary?.contents[0];
  if (!digest || !summary || !content) return undefined;
  const origin = await originsOf(record, parts);
  const shown = (await parts.known.packages(digest, shownPackages)) ?? [];
  const ofBase = content.layers.map((layer) => origin(layer).kind === "base");
  return {
    digest,
    contents: summary.contents,
    packages: shown.map((one) => ({ ...one, origin: origin(content.layers[one.layer] ?? "") })),
    fromBase: ofBase.includes(true)
      ? content.countByLayer.reduce((sum, count, at) => sum + (ofBase[at] ? count : 0), 0)
      : undefined,
    changes: await changesOf(record, digest, parts),
  };
}

async function changesOf(
  { job }: JobRecord,
  digest: Digest,
  { queue, known }: { readonly queue: Pick<JobQueue, "recent">; readonly known: KnownPackages },
): Promise<JobPackages["changes"]> {
  const { buildConfig, completedAt } = job;
  if (!buildConfig || !completedAt) return undefined;
  const records = await queue.recent(lookedBack, { buildConfig });
  const earlier = records
    .filter((other) => isSameProduct(other.job, job) && Date.parse(other.job.completedAt ?? "") < Date.parse(completedAt))
    .toSorted((a, b) => Date.parse(b.job.completedAt ?? "") - Date.parse(a.job.completedAt ?? ""));
  for (const since of earlier) {
    const before = imageDigest(since, "output");
    const difference = before && (await known.compare(before, digest, shownChanges));
    if (difference) return { ...difference, since };
  }
  return undefined;
}
