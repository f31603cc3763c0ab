import type { Cluster } from "../cluster/cluster.ts";
import type { Clock } from "../core/clock.ts";
import { asJobError, JobError } from "../core/errors.ts";
import type { ImageName } from "../core/image-name.ts";
import { type Digest, formatImageReference, type ImageReference, withDigest } from "../core/image-reference.ts";
import type { Job } from "../core/job.ts";
import { createForeignImageCheck } from "./foreign-images.ts";

/** Asks the registry of an image for it. Throws `JobError` when that does not say. */
export type LookAt = (image: ImageReference, signal: AbortSignal) => Promise<ImageLook>;

export type ImageLook =
  | { readonly kind: "absent" }
  | { readonly kind: "present"; readonly digest: Digest; readonly base?: ImageReference };

/** What is known of an output image after its registry was asked. */
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
  readonly clock: Clock;
}

/** Milliseconds that a job waits for a registry to tell of its image. */
const patience = 30_000;

/**
 * Asks an image's registry what its build left open: whether the image is there, its digest, and its base image. No job fails for that: where the
 * registry does not answer, `notes` says so and the image stays as its build told it.
 */
export function createImageInspector({ cluster, lookAt, clock }: ImageInspectorParts) {
  const assertReadable = createForeignImageCheck(cluster, true);

  return async (
    output: ImageReference,
    job: Pick<Job, "build" | "cause" | "seeksBase" | "ifMissing">,
    notes: string[],
    signal: AbortSignal,
  ): Promise<Inspected> => {
    if (!lookAt || !(job.seeksBase || job.ifMissing)) return { output };
    try {
      assertReadable(output, job);
      return await inspect(output, job, notes, (image) => lookInTime(lookAt, image, signal));
    } catch (error) {
      if (signal.aborted || (error instanceof JobError && error.reason === "NotAnImage")) throw error;
      notes.push(`Not looked up in its registry: ${asJobError(error).message}`);
      return { output };
    }
  };

  async function lookInTime(look: LookAt, image: ImageReference, signal: AbortSignal): Promise<ImageLook> {
    const late = new AbortController();
    const cancel = clock.schedule(patience, () => late.abort());
    try {
      return await look(await cluster.externalImage(image, signal), AbortSignal.any([signal, late.signal]));
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
    notes.push(`The build told the digest ${digest}, which its registry does not have; the tag counts.`);
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
