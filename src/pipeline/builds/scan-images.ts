import { setImmediate as nextTurn } from "node:timers/promises";
import type { Cluster, StreamSighting } from "../../cluster/cluster.ts";
import { whyNoImage } from "../../core/images/image-kind.ts";
import { formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { imageJobs, type Job, type PlannedAnalyzer } from "../../core/jobs/job.ts";
import type { Logger } from "../../telemetry/log.ts";

export interface ScanImagesParts {
  readonly cluster: Pick<Cluster, "listImages">;
  readonly analyzers: readonly Pick<PlannedAnalyzer, "name">[];
  /** Takes a job in. Returns whether it was new. */
  readonly take: (job: Job) => Promise<boolean>;
  readonly log: Logger;
  /** Called after every image stream. */
  readonly onProgress?: (counts: ScanCounts) => void;
}

export interface ScanCounts {
  readonly streams: number;
  readonly tags: number;
  readonly added: number;
  readonly known: number;
  readonly skipped: number;
}

/** How many images are written to the ledger together. */
const batchSize = 200;

/** Tags looked at in one turn of the event loop. */
const tagsAtOnce = 500;

/** The startup pass: every image in an image stream becomes a job, each repository and digest once. */
export async function scanImages(
  { cluster, analyzers, take, log, onProgress }: ScanImagesParts,
  signal: AbortSignal,
): Promise<ScanCounts> {
  const counts = { streams: 0, tags: 0, added: 0, known: 0, skipped: 0 };
  const seen = new Set<string>();
  let batch: Promise<void>[] = [];

  for await (const sighting of cluster.listImages(signal)) {
    see(sighting);
    if (batch.length >= batchSize) await written();
    if (counts.tags % tagsAtOnce === 0) await nextTurn();
    if (sighting.kind === "stream") onProgress?.(counts);
  }
  await written();
  return counts;

  function see(sighting: StreamSighting): void {
    if (sighting.kind === "stream") {
      counts.streams += 1;
      return;
    }
    counts.tags += 1;
    const because = sighting.kind === "skipped" ? sighting.because : whyNoImage({ tag: sighting.tag });
    if (sighting.kind === "skipped" || because !== undefined) {
      counts.skipped += 1;
      log.debug({ stream: sighting.stream, tag: sighting.tag, because }, "Tag left out");
      return;
    }
    // With only the digest, one team's stream could be taken for another team's image in a registry that is gone.
    const key = formatImageReference(sighting.image);
    if (seen.has(key)) {
      counts.known += 1;
      return;
    }
    seen.add(key);
    batch.push(count(sighting.image));
  }

  async function count(image: ImageReference): Promise<void> {
    const taken = await Promise.all(imageJobs(image, "scan", analyzers).map(take));
    counts[taken.some(Boolean) ? "added" : "known"] += 1;
  }

  async function written(): Promise<void> {
    await Promise.all(batch);
    batch = [];
  }
}
