import type { Cluster } from "../../cluster/cluster.ts";
import type { Clock } from "../../core/clock.ts";
import type { ImageLook } from "../../core/images/image-look.ts";
import type { ImageName } from "../../core/images/image-name.ts";
import { type Digest, formatImageReference, type ImageReference, withDigest } from "../../core/images/image-reference.ts";
import { asJobError, JobError } from "../../core/jobs/errors.ts";
import type { Job } from "../../core/jobs/job.ts";
import { createForeignImageCheck } from "./foreign-images.ts";

/** Asks an image's registry about it, and about its base image if wanted. Throws `JobError` when it does not answer. */
export type LookAt = (image: ImageReference, signal: AbortSignal, seeksBase: boolean) => Promise<ImageLook>;

/** An output image after its registry was asked. */
export interface Inspected {
  /** Undefined: it is left out. */
  readonly output: ImageReference | undefined;
  /** The base image that the image itself names. */
  readonly base?: ImageName;
}

export interface ImageInspectorParts {
  readonly cluster: Pick<Cluster, "externalImage" | "ownsImage" | "namespaces">;
  /** Absent: registries are not asked. */
  readonly lookAt?: LookAt | undefined;
  /** Whether copying already checks images, so that images without a build need no check here. */
  readonly copies?: boolean;
  /** Images that were reported together with this one, last added first; at most a few. */
  readonly toldWith?: ((image: ImageReference) => Promise<readonly Job[]>) | undefined;
  readonly clock: Clock;
}

/** Milliseconds that a job waits for a registry's answer. */
const usualPatience = 30_000;
/** The same if the answer only avoids a useless analysis, and how long a registry that did not answer is not asked. */
const shortPatience = 5_000;
const silence = 5 * 60_000;
const mostSilent = 1_000;

interface Looking {
  readonly seeksBase?: boolean | undefined;
  readonly patience?: number;
}

/**
 * Asks an image's registry what its build did not say: whether the image is there, its digest, and its base image. No job fails because of this: if
 * the registry does not answer, `notes` says so and the image stays as the build named it.
 */
export function createImageInspector({ cluster, lookAt, copies = false, toldWith, clock }: ImageInspectorParts) {
  const assertReadable = createForeignImageCheck(cluster, true);
  const silentUntil = new Map<string, number>();

  return async (
    output: ImageReference,
    job: Pick<Job, "build" | "cause" | "seeksBase" | "ifMissing" | "untagged">,
    notes: string[],
    signal: AbortSignal,
  ): Promise<Inspected> => {
    if (job.untagged) {
      const whole = await findWhole(output, signal);
      if (whole) notes.push(`Left out: it is part of ${formatImageReference(whole)}, which has its own job.`);
      if (whole) return { output: undefined };
    }
    if (lookAt && !copies && !job.build) return judgeAlone(lookAt, output, signal);
    if (!lookAt || !(job.seeksBase || job.ifMissing)) return { output };
    try {
      assertReadable(output, job);
      return await inspect(output, job, notes, (image) => lookInTime(lookAt, image, signal, job));
    } catch (error) {
      if (signal.aborted || (error instanceof JobError && error.reason === "NotAnImage")) throw error;
      notes.push(`Not looked up in its registry: ${asJobError(error).message}`);
      return { output };
    }
  };

  /** Leaves out what is not an image. For an image without a build, nothing else is checked. */
  async function judgeAlone(look: LookAt, output: ImageReference, signal: AbortSignal): Promise<Inspected> {
    const { registry, digest } = output;
    if (digest === undefined || clock.now() < (silentUntil.get(registry) ?? 0)) return { output };
    try {
      await lookInTime(look, output, signal, { patience: shortPatience });
    } catch (error) {
      if (signal.aborted || (error instanceof JobError && error.reason === "NotAnImage")) throw error;
      if (asJobError(error).reason === "RegistryUnavailable") silentUntil.set(registry, clock.now() + silence);
      if (silentUntil.size > mostSilent) silentUntil.clear();
    }
    return { output };
  }

  /** The image for several platforms that an untagged one is part of, as the sender says, else its registry. */
  async function findWhole(output: ImageReference, signal: AbortSignal): Promise<ImageReference | undefined> {
    const { digest } = output;
    if (digest === undefined) return undefined;
    for (const { output: other, untagged, parts } of (await toldWith?.(output)) ?? []) {
      if (untagged || other?.kind !== "reference") continue;
      const told = parts ?? (lookAt && (await partsOf(lookAt, other.reference, signal)));
      if (told?.includes(digest)) return other.reference;
    }
    return undefined;
  }

  async function partsOf(look: LookAt, image: ImageReference, signal: AbortSignal): Promise<readonly Digest[] | undefined> {
    const found = await lookInTime(look, image, signal).catch(() => signal.throwIfAborted());
    return found?.kind === "present" ? found.parts : undefined;
  }

  async function lookInTime(look: LookAt, image: ImageReference, signal: AbortSignal, how: Looking = {}): Promise<ImageLook> {
    const { seeksBase = false, patience = usualPatience } = how;
    const late = new AbortController();
    const cancel = clock.schedule(patience, () => late.abort());
    try {
      return await look(await cluster.externalImage(image, signal), AbortSignal.any([signal, late.signal]), seeksBase);
    } catch (error) {
      if (!late.signal.aborted || signal.aborted) throw error;
      throw new JobError("RegistryUnavailable", `${image.registry} did not answer within ${patience / 1000} seconds`);
    } finally {
      cancel();
    }
  }
}

async function inspect(
  output: ImageReference,
  { ifMissing, seeksBase }: Pick<Job, "seeksBase" | "ifMissing">,
  notes: string[],
  look: (image: ImageReference) => Promise<ImageLook>,
): Promise<Inspected> {
  const found = await look(output);
  if (found.kind === "present") return known(output, found, seeksBase);
  const { digest, ...byTag } = output;
  const name = formatImageReference(output);
  if (ifMissing === "by-tag" && digest !== undefined) {
    const tagged = await look(byTag);
    notes.push(`The build names the digest ${digest}, which its registry does not have, so the tag is used.`);
    return tagged.kind === "present" ? known(byTag, tagged, seeksBase) : { output: byTag };
  }
  if (ifMissing !== "leave-out") return { output };
  notes.push(`Left out: its registry does not have ${name}.`);
  return { output: undefined };
}

function known(output: ImageReference, found: Extract<ImageLook, { kind: "present" }>, seeksBase?: boolean): Inspected {
  const { digest, base } = found;
  const isItself = base?.digest !== undefined && base.digest === digest;
  return {
    output: withDigest(output, digest),
    ...(seeksBase && base && !isItself && { base: { kind: "reference", reference: base } }),
  };
}
