import type { AnalysisImage, AnalysisRequest, Analyzer } from "../analyzers/analyzer.ts";
import type { Cluster, RegistryLogin } from "../cluster/cluster.ts";
import { asJobError } from "../core/errors.ts";
import { formatImageName, type ImageName } from "../core/image-name.ts";
import { formatImageReference, type ImageReference } from "../core/image-reference.ts";
import type { Job } from "../core/job.ts";
import type { JobHandler, JobResult } from "../queue/job-queue.ts";
import type { ImageCopier } from "../registry/image-copier.ts";

export interface JobHandlerParts {
  readonly cluster: Pick<Cluster, "resolveImage" | "externalImage" | "readBuildLog">;
  readonly analyzer: Analyzer;
  /** Present when there is a push registry. */
  readonly copier?: ImageCopier | undefined;
  /** The login that goes to the analyzer with an image of a source registry. */
  readonly loginFor: (
    image: ImageReference,
    output: ImageReference | undefined,
    signal: AbortSignal,
  ) => Promise<RegistryLogin | undefined>;
  readonly destinationLogin: RegistryLogin | undefined;
  readonly verifySourceTls: boolean;
  readonly verifyDestinationTls: boolean;
  readonly buildLogLimit: number;
}

/** The whole life of a job: name its images, make them reachable, submit them, report what came back. */
export function createJobHandler(parts: JobHandlerParts): JobHandler {
  const { cluster, analyzer, buildLogLimit } = parts;

  return async function handleJob(job, signal): Promise<JobResult> {
    const output = job.output && (await locate(job.output, job, signal));
    const base = job.base && (await optional(locate(job.base, undefined, signal), job.base, signal));
    const buildLog = job.buildLog && job.build ? await cluster.readBuildLog(job.build, buildLogLimit, signal) : undefined;
    const notes = [...pinNotes(output), ...(base?.notes ?? [])];

    const request: AnalysisRequest = {
      jobId: job.id,
      ...(output && { output: await makeReachable(parts, output, output, signal) }),
      ...(base?.image && (await baseRequest(base.image, output))),
      ...(buildLog !== undefined && { buildLog }),
      ...(job.origin !== undefined && { origin: job.origin }),
    };
    if (isEmpty(request)) return { analyses: [], notes: [...notes, "Nothing is left to submit: no image, and the log is gone."] };
    const submission = await analyzer.submit(request, signal);
    return resultOf(request, { ...submission, notes: [...notes, ...submission.notes] });

    async function baseRequest(image: ImageReference, beside: ImageReference | undefined) {
      const reachable = await optional(makeReachable(parts, image, beside, signal), job.base, signal);
      notes.push(...reachable.notes);
      return reachable.image && { base: reachable.image };
    }
  };

  function locate(image: ImageName, job: Job | undefined, signal: AbortSignal): Promise<ImageReference> {
    return cluster.resolveImage(image, job?.completedAt, signal);
  }
}

/** An image as the analyzer can pull it: its copy when there is a push registry, else itself by the name it has outside. */
async function makeReachable(
  parts: JobHandlerParts,
  image: ImageReference,
  output: ImageReference | undefined,
  signal: AbortSignal,
): Promise<AnalysisImage> {
  const reachable = await parts.cluster.externalImage(image, signal);
  if (parts.copier) {
    const reference = await parts.copier.copy(reachable, signal);
    return { reference, verifyTls: parts.verifyDestinationTls, ...(parts.destinationLogin && { login: parts.destinationLogin }) };
  }
  const login = await parts.loginFor(image, output, signal);
  return { reference: reachable, verifyTls: parts.verifySourceTls, ...(login && { login }) };
}

/** What is done for a base image must not cost the output image its analysis: a failure leaves the base image out, and says so. */
async function optional<T>(
  work: Promise<T>,
  image: ImageName | undefined,
  signal: AbortSignal,
): Promise<{ image?: T; notes: string[] }> {
  try {
    return { image: await work, notes: [] };
  } catch (error) {
    signal.throwIfAborted();
    const failure = asJobError(error);
    if (failure.retryable) throw failure;
    return { notes: [`Base image ${image ? formatImageName(image) : ""} left out: ${failure.message}`] };
  }
}

function pinNotes(output: ImageReference | undefined): string[] {
  return output && !output.digest ? [`Not pinned: the cluster names no digest for ${formatImageReference(output)}.`] : [];
}

function isEmpty({ output, base, buildLog }: AnalysisRequest): boolean {
  return !output && !base && buildLog === undefined;
}

function resultOf({ output, base }: AnalysisRequest, submission: Omit<JobResult, "output" | "base">): JobResult {
  return {
    ...(output && { output: formatImageReference(output.reference) }),
    ...(base && { base: formatImageReference(base.reference) }),
    analyses: submission.analyses,
    notes: submission.notes,
    ...(submission.link && { link: submission.link }),
  };
}
