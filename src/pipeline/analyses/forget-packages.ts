import { type Clock, sleep } from "../../core/clock.ts";
import type { Digest } from "../../core/images/image-reference.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import type { Inventory } from "../../inventory/inventory.ts";
import type { JobQueue } from "../../queue/job-queue.ts";
import type { Logger } from "../../telemetry/log.ts";

export interface ForgetPackagesParts {
  readonly inventory: Pick<Inventory, "images" | "forget">;
  readonly queue: Pick<JobQueue, "withImage" | "once">;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Milliseconds between two passes. Packages read within this time can belong to a job that has not ended. */
const interval = 6 * 60 * 60_000;
/** Images per step. */
const pageSize = 100;

/** Forgets the packages of images that no record names any more, again and again, until the signal fires; of several bots one does it. */
export async function forgetPackages(parts: ForgetPackagesParts, signal: AbortSignal): Promise<void> {
  const { queue, log, clock } = parts;
  const pass = (within: AbortSignal) => forgetUnnamed(parts, clock.now() - interval, within);
  while (!signal.aborted) {
    await sleep(clock, interval, signal);
    if (signal.aborted) return;
    try {
      const forgotten = await queue.once("forget-packages", interval / 2, pass, signal);
      if (forgotten) log.debug({ forgotten }, "Packages of old images forgotten");
    } catch (error) {
      log.warn({ reason: asJobError(error).reason }, "Packages of old images could not be removed; this is retried");
    }
  }
}

/** One pass; says how many images were forgotten. */
async function forgetUnnamed(
  { inventory, queue }: Pick<ForgetPackagesParts, "inventory"> & { readonly queue: Pick<JobQueue, "withImage"> },
  readBefore: number,
  signal: AbortSignal,
): Promise<number> {
  let forgotten = 0;
  for (let after: Digest | undefined; !signal.aborted; ) {
    const images: readonly Digest[] = await inventory.images(readBefore, after, pageSize);
    const named = await Promise.all(images.map((image) => isNamed(queue, image)));
    const unnamed = images.filter((_, index) => !named[index]);
    if (unnamed.length > 0) await inventory.forget(unnamed);
    forgotten += unnamed.length;
    after = images.at(-1);
    if (images.length < pageSize) break;
  }
  return forgotten;
}

async function isNamed(queue: Pick<JobQueue, "withImage">, image: Digest): Promise<boolean> {
  return (await queue.withImage(image, "output", 1)).length > 0 || (await queue.withImage(image, "base", 1)).length > 0;
}
