import type { AnalysisImage } from "../../analyzers/analyzer.ts";
import type { Cluster, RegistryLogin } from "../../cluster/cluster.ts";
import { formatImageName, type ImageName } from "../../core/images/image-name.ts";
import { formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { asJobError } from "../../core/jobs/errors.ts";
import type { Job } from "../../core/jobs/job.ts";
import type { ImageCopier } from "../../registry/image-copier.ts";
import { createForeignImageCheck } from "./foreign-images.ts";

export interface ImageLocatorParts {
  readonly cluster: Pick<Cluster, "resolveImage" | "externalImage" | "ownsImage" | "namespaces">;
  /** Present when there is a push registry. */
  readonly copier?: ImageCopier | undefined;
  /** The login that goes to the analyzer with an image of a source registry. */
  readonly loginFor: (image: ImageReference, signal: AbortSignal) => Promise<RegistryLogin | undefined>;
  /** Whether an image is in the registry that THOTH_SRC_REGISTRY_USER and _PASSWORD are for. */
  readonly isInSourceRegistry: (image: ImageReference) => boolean;
  readonly verifySourceTls: boolean;
  readonly verifyDestinationTls: boolean;
  /** Whether images are read with the bot's own logins, by the bot or the analyzer. */
  readonly readsWithLogin: boolean;
}

/** What a copy needs to know of its job. */
export interface Copying {
  /** RFC 3339: when the image was completed, if known. */
  readonly completedAt: string | undefined;
  /** Called when an image is in the push registry. */
  readonly onCopied: () => void;
  readonly notes: string[];
}

/** Finds the images of one job. Adds what people should know to `notes`. */
export interface ImageLocator {
  /** The pull reference of the image a build made. */
  nameOutput(image: ImageName, job: NamingJob, signal: AbortSignal): Promise<ImageReference>;
  /** The pull reference of a base image; undefined when it is gone or cannot be read. The output image is still analyzed then. */
  nameBase(image: ImageName, job: NamingJob, notes: string[], signal: AbortSignal): Promise<ImageReference | undefined>;
  /**
   * An image as the analyzer can pull it: its copy when there is a push registry, else itself by the name it has outside.
   */
  reach(image: ImageReference, copying: Copying, signal: AbortSignal): Promise<AnalysisImage>;
  /** The same for a base image. If it cannot be copied, it stays where it is. */
  reachBase(base: ImageReference, copying: Copying, signal: AbortSignal): Promise<AnalysisImage>;
}

/** What is needed to resolve the names of a job's images. */
type NamingJob = Pick<Job, "build" | "cause" | "completedAt">;

export function createImageLocator(parts: ImageLocatorParts): ImageLocator {
  const { cluster, copier, loginFor, isInSourceRegistry } = parts;
  const assertReadable = createForeignImageCheck(cluster, parts.readsWithLogin);
  return {
    async nameOutput(image, job, signal) {
      const output = await cluster.resolveImage(image, job.completedAt, signal);
      assertReadable(output, job);
      return output;
    },
    async nameBase(image, job, notes, signal) {
      try {
        const base = await cluster.resolveImage(image, undefined, signal);
        assertReadable(base, job);
        return base;
      } catch (error) {
        const failure = asJobError(error);
        if (signal.aborted || (failure.retryable && failure.reason !== "ClusterDenied")) throw failure;
        notes.push(`Base image ${formatImageName(image)} left out: ${failure.message}`);
        return undefined;
      }
    },
    reach: (image, copying, signal) => (copier ? copied(copier, image, copying, signal) : inPlace(image, signal)),
    async reachBase(base, copying, signal) {
      if (!copier) return inPlace(base, signal);
      try {
        return await copied(copier, base, copying, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        copying.notes.push(`Base image ${formatImageReference(base)} was not copied: ${asJobError(error).message}`);
        return inPlace(base, signal);
      }
    },
  };

  async function copied(
    to: ImageCopier,
    image: ImageReference,
    { completedAt, onCopied, notes }: Copying,
    signal: AbortSignal,
  ): Promise<AnalysisImage> {
    const source = await cluster.externalImage(image, signal);
    const time = completedAt === undefined ? Number.NaN : Date.parse(completedAt);
    const reference = await to.copy(source, signal, {
      inSourceRegistry: isInSourceRegistry(image),
      completedAt: Number.isNaN(time) ? undefined : time,
      note: (text) => notes.push(text),
    });
    if (reference === source) return inPlace(image, signal);
    if (!to.onlyPlans) onCopied();
    return { reference, source, verifyTls: parts.verifyDestinationTls, login: await to.copyLogin(reference, signal) };
  }

  async function inPlace(image: ImageReference, signal: AbortSignal): Promise<AnalysisImage> {
    const reference = await cluster.externalImage(image, signal);
    return { reference, verifyTls: parts.verifySourceTls, login: await loginFor(image, signal) };
  }
}
