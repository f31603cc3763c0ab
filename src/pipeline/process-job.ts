import type { AnalysisImage, AnalysisRequest, Analyzer } from "../analyzers/analyzer.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { formatImageReference, type ImageReference } from "../core/images/image-reference.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { Job } from "../core/jobs/job.ts";
import type { JobHandler, JobResult } from "../queue/job-queue.ts";
import { createImageInspector, type ImageInspectorParts } from "./builds/inspect-image.ts";
import { type Copying, createImageLocator, type ImageLocatorParts } from "./builds/locate-images.ts";
import type { OnceAnImage } from "./builds/same-image.ts";

export interface JobHandlerParts extends ImageLocatorParts, Pick<ImageInspectorParts, "lookAt" | "toldWith"> {
  readonly cluster: Pick<Cluster, "resolveImage" | "externalImage" | "ownsImage" | "namespaces" | "readBuildLog">;
  readonly analyzers: readonly Analyzer[];
  /** How many bytes of a build log are submitted. */
  readonly buildLogLimit: number;
  readonly clock?: Clock;
  /** Default: every job is submitted. */
  readonly onceAnImage?: OnceAnImage | undefined;
}

/** The life of a job: resolve its images, make them reachable, submit them, report the answer. */
export function createJobHandler(parts: JobHandlerParts): JobHandler {
  const { cluster, buildLogLimit, clock = systemClock } = parts;
  const images = createImageLocator(parts);
  const inspect = createImageInspector({ ...parts, copies: parts.copier !== undefined, clock });
  const onceAnImage = parts.onceAnImage ?? ((_job, _images, run) => run());
  const analyzers = new Map(parts.analyzers.map((analyzer) => [analyzer.name, analyzer]));

  return async function handleJob(job, signal): Promise<JobResult> {
    const analyzer = analyzers.get(job.analyzer);
    if (!analyzer) throw new JobError("AnalyzerMissing", `No analyzer ${job.analyzer} is set up`);
    const notes: string[] = [];
    const named = job.output && (await images.nameOutput(job.output, job, signal));
    const inspected = named && (await withoutOthers(inspect(named, job, notes, signal), notes));
    const output = inspected?.output;
    if (named && !output) return { analyses: [], notes };
    if (output && !output.digest) notes.push(`Not pinned: there is no digest for ${formatImageReference(output)}.`);
    const wanted = job.base ?? inspected?.base;
    const base = wanted && (await images.nameBase(wanted, job, notes, signal));
    const copied: { at?: number } = {};
    const onCopied = () => {
      copied.at = clock.now();
    };
    const copying = { completedAt: job.completedAt, onCopied, notes };
    // Also where its analysis counts for another run: each run moves the tag it pushed, back to an earlier image as well.
    const reached = output && (await withoutOthers(images.reach(output, copying, signal), notes));
    const submit = () => submitImages(analyzer, job, { output, reached, base, copying, copied }, signal);
    if (!output || !reached) return submit();
    const result = await onceAnImage(job, { output, base }, submit);
    return result.sameAs === undefined ? result : { ...result, ...timesOf(copied), notes: [...result.notes, ...notes] };
  };

  async function submitImages(
    analyzer: Analyzer,
    job: Job,
    { output, reached, base, copying, copied }: Reached,
    signal: AbortSignal,
  ): Promise<JobResult> {
    const { notes } = copying;
    const request: AnalysisRequest = {
      jobId: job.id,
      output: reached && { ...reached, ...(job.document && { document: job.document }) },
      base: base && (await images.reachBase(base, copying, signal)),
      buildLog:
        job.buildLog && job.build
          ? await cluster.readBuildLog(job.build, buildLogLimit, signal, (cut) => notes.push(cut))
          : undefined,
      origin: job.origin,
      commit: job.commit,
      build: job.build,
    };
    if (isEmpty(request))
      return { analyses: [], notes: [...notes, "There is nothing to submit: no image, and the log is gone."] };
    const submission = await analyzer.submit(request, signal);
    const source = output && formatImageReference(output);
    const submitted = submission.analyses.length > 0 || submission.findings !== undefined;
    const times = { ...timesOf(copied), ...(submitted && { submittedAt: clock.now() }) };
    return { ...resultOf(request, { ...submission, notes: [...notes, ...submission.notes] }), source, ...times };
  }
}

/** The images of a job by their own names, and the one that was made as the analyzer can pull it. */
interface Reached {
  readonly output: ImageReference | undefined;
  readonly reached: AnalysisImage | undefined;
  readonly base: ImageReference | undefined;
  readonly copying: Copying;
  /** Set when an image is in the push registry. */
  readonly copied: { readonly at?: number };
}

function timesOf({ at }: Reached["copied"]): Pick<JobResult, "copiedAt"> {
  return at === undefined ? {} : { copiedAt: at };
}

/** Something that is not a container image is left out with a note: that is not an error. */
async function withoutOthers<T>(reaching: Promise<T>, notes: string[]): Promise<T | undefined> {
  try {
    return await reaching;
  } catch (error) {
    if (!(error instanceof JobError && error.reason === "NotAnImage")) throw error;
    notes.push(`Left out: ${error.message}.`);
    return undefined;
  }
}

function isEmpty({ output, base, buildLog }: AnalysisRequest): boolean {
  return !output && !base && buildLog === undefined;
}

function resultOf(
  { output, base }: AnalysisRequest,
  { analyses, notes, link, findings }: Omit<JobResult, "output" | "base">,
): JobResult {
  return {
    output: output && formatImageReference(output.reference),
    base: base && formatImageReference(base.reference),
    analyses,
    notes,
    link,
    findings,
  };
}
