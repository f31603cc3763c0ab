import type { Clock } from "../../core/clock.ts";
import { formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { describeJob, type Job } from "../../core/jobs/job.ts";
import type { JobQueue, JobRecord, JobResult } from "../../queue/job-queue.ts";

/** The images of one job, by their own names. */
interface NamedImages {
  readonly output: ImageReference;
  readonly base: ImageReference | undefined;
}

/**
 * Runs a job, unless another job has already had the same image analyzed: then that result counts for this job too. Several runs can report the
 * same image, for example after a rebuild without changes.
 */
export type OnceAnImage = (job: Job, images: NamedImages, run: () => Promise<JobResult>) => Promise<JobResult>;

export interface SameImageParts {
  readonly queue: Pick<JobQueue, "find" | "withImage">;
  /** Milliseconds for which an analysis counts for other runs of the same image. */
  readonly countsFor: number;
  /** Whether runs are watched beside OpenShift Builds. Otherwise nothing is looked up for a Build. */
  readonly watchesRuns: () => boolean;
  readonly clock: Pick<Clock, "now">;
}

/** Records of one image that are looked at, and results that are remembered: the queue does not know them before a moment later. */
const mostRecords = 20;
const mostRemembered = 100;

interface Known {
  readonly job: Job;
  readonly at: number;
  readonly result: Promise<JobResult>;
}

/**
 * OpenShift Builds are each submitted. In other build systems several runs can report one image, and so can a pipeline and the OpenShift Build that it
 * started, in either order. Results count only within a namespace: a run's claim is not a proof, and must not reveal what others know of that image.
 */
export function createOnceAnImage({ queue, countsFor, watchesRuns, clock }: SameImageParts): OnceAnImage {
  const recent = new Map<string, Known>();

  return async (job, images, run) => {
    const { build, analyzer } = job;
    if (!build || (build.kind === undefined && !watchesRuns()) || !images.output.digest || countsFor === 0) return run();
    const names = [images.output, images.base].map((image) => image && formatImageReference(image));
    const key = JSON.stringify([build.namespace, analyzer, ...names]);
    const known = recent.get(key);
    const isOwn = known?.job.id === job.id;
    if (known && !isOwn && countFor(job, known.job) && clock.now() - known.at <= countsFor) {
      const result = await known.result.catch(() => undefined);
      if (result && hasResult(result)) return sameAs(known.job, result);
    }
    const earlier = isOwn ? undefined : await findEarlier(job, images);
    if (earlier?.result) return sameAs(earlier.job, earlier.result);
    return remember(key, job, run());
  };

  function remember(key: string, job: Job, result: Promise<JobResult>): Promise<JobResult> {
    recent.delete(key);
    recent.set(key, { job, at: clock.now(), result });
    const [oldest] = recent.keys();
    if (recent.size > mostRemembered && oldest !== undefined) recent.delete(oldest);
    return result;
  }

  async function findEarlier(job: Job, { output, base }: NamedImages): Promise<JobRecord | undefined> {
    if (!output.digest) return undefined;
    const records = await queue.withImage(output.digest, "output", mostRecords, job.id);
    if (records.length === 0) return undefined;
    const own = await queue.find(job.id);
    return records.find((record) => {
      const { result, state, createdAt, updatedAt } = record;
      if (state !== "done" || !result || !hasResult(result) || record.job.analyzer !== job.analyzer) return false;
      if (record.job.build?.namespace !== job.build?.namespace || !countFor(job, record.job)) return false;
      // That may be the result of another OpenShift Build.
      if (job.build?.kind === undefined && result.sameAs !== undefined) return false;
      const isEarlier = own === undefined || createdAt <= own.createdAt;
      const isSame = result.source === formatImageReference(output) && (base === undefined || result.base !== undefined);
      return isEarlier && isSame && clock.now() - updatedAt <= countsFor;
    });
  }
}

/** Whether one job's result may be the other's as well: not between OpenShift Builds. */
function countFor({ build: one }: Job, { build: other }: Job): boolean {
  return one?.kind !== undefined || other?.kind !== undefined;
}

/** Whether a submission has a result that another run can use. */
function hasResult({ analyses, findings }: JobResult): boolean {
  const ofImages = analyses.filter(({ of }) => of !== "build-log");
  if (ofImages.some(({ state }) => state === "failed")) return false;
  return ofImages.length > 0 || findings !== undefined;
}

function sameAs(job: Job, { output, base, source, link, findings, analyses }: JobResult): JobResult {
  return {
    ...(source !== undefined && { source }),
    ...(output !== undefined && { output }),
    ...(base !== undefined && { base }),
    ...(link !== undefined && { link }),
    ...(findings !== undefined && { findings }),
    analyses: analyses.filter(({ of }) => of !== "build-log").map((analysis) => ({ ...analysis, cached: true })),
    notes: [`The same image as that of ${describeJob(job)} (${job.id}), whose analysis counts here as well.`],
    sameAs: job.id,
  };
}
