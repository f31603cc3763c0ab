import { createHash } from "node:crypto";
import type { BuildKey } from "../builds/build.ts";
import type { BuildFacts, BuildOutcome, IfMissing, Place } from "../builds/build-outcome.ts";
import { formatImageName, type ImageName, shortImageName } from "../images/image-name.ts";
import { type Digest, formatImageReference, type ImageReference, repositoryOf } from "../images/image-reference.ts";

export const jobCauses = ["build", "scan", "webhook", "command-line"] as const;
export type JobCause = (typeof jobCauses)[number];

/** One piece of work, as the ledger keeps it: plain JSON that names things. Secrets and logs are fetched when it runs. */
export interface Job {
  /**
   * `build-<uid>`, `build-<uid>-<hash of the image>` for one of several images, or `image-<hash of the reference>`: the same work always has
   * the same id. Further analyzers of the same image have theirs with `-<analyzer>` at the end.
   */
  readonly id: string;
  /** The id of the first job of this build or image, which all its jobs share; absent on that first job. */
  readonly group?: string;
  /** The name of the analyzer it is for. */
  readonly analyzer: string;
  readonly cause: JobCause;
  readonly output?: ImageName;
  readonly base?: ImageName;
  /** Whether to look for the base image in the image itself, because the build names none. */
  readonly seeksBase?: boolean;
  /** What to do when the registry does not have the output image's digest. */
  readonly ifMissing?: IfMissing;
  /** The images the build only took files from: they are shown, not submitted. */
  readonly inputs?: readonly ImageName[];
  readonly build?: BuildKey;
  /** `namespace/name` of the BuildConfig it was made from. Other kinds come first: `Pipeline:namespace/name`. */
  readonly buildConfig?: string;
  /** Whether the build's log is part of the submission. */
  readonly buildLog?: boolean;
  /** The bill of materials that the build pushed with the output image: the digest of a blob in its repository. */
  readonly document?: Digest;
  readonly origin?: string;
  readonly commit?: string;
  readonly trigger?: string;
  /** RFC 3339. It shows which item of a moving tag the build made. */
  readonly completedAt?: string;
  /** Which of its build's images this is; absent where the build made only one. */
  readonly place?: Place;
  /** How many images of its build have no job, because the build made too many; absent: none. */
  readonly leftOut?: number;
  /** Why the build failed, if it had pushed its image before. */
  readonly failure?: string;
  /** It was pushed without a tag, like the parts of an image for several platforms. */
  readonly untagged?: boolean;
  /** The images it consists of, if the sender said so. */
  readonly parts?: readonly Digest[];
}

export type Plan =
  | { readonly kind: "submit"; readonly jobs: readonly Job[] }
  | { readonly kind: "skip"; readonly because: string };

/** What planning jobs needs to know of an analyzer. */
export interface PlannedAnalyzer {
  readonly name: string;
  /** Whether it reads build logs. */
  readonly readsLogs: boolean;
}

/** What the operator wants submitted. */
export interface SubmissionPolicy {
  /** Each image becomes one job per analyzer, in this order. */
  readonly analyzers: readonly PlannedAnalyzer[];
  readonly outputImage: boolean;
  readonly baseImage: boolean;
  readonly buildLog: boolean;
  readonly failedBuilds: boolean;
  /** Whether to submit images that were pushed before a later step failed. Default: yes. */
  readonly failedImages?: boolean;
  /** Milliseconds since the epoch: builds that ended before are left alone. */
  readonly since?: number;
  /** `[kind:][namespace/]name` of what to follow; without a kind, a BuildConfig. Empty: all. */
  readonly track: readonly string[];
  /** Whether a build with these labels is wanted. */
  readonly matchesLabels: (labels: Readonly<Record<string, string>>, kind?: string) => boolean;
}

/** Decides which jobs a build becomes, one per analyzer, or says why none. */
export function planJobs(outcome: BuildOutcome, policy: SubmissionPolicy): Plan {
  switch (outcome.kind) {
    case "pending":
      return skip("not-ended");
    case "ignored":
      return skip(outcome.because);
    case "failed":
      if (outcome.outputs.length > 0 && policy.failedImages !== false)
        return filtered(outcome, policy) ?? submitBuild(outcome, policy.outputImage ? outcome.outputs[0] : undefined, policy);
      if (!policy.failedBuilds) return skip("failed-build");
      return filtered(outcome, policy) ?? submitBuild(outcome, undefined, policy);
    case "succeeded":
      return filtered(outcome, policy) ?? submitBuild(outcome, policy.outputImage ? outcome.outputs[0] : undefined, policy);
  }
}

/** A job for an image without a build. An image named by digest has one job per analyzer, whoever names it. */
export function imageJob(image: ImageReference, cause: JobCause, analyzer: string, told: ToldOfImage = {}): Job {
  const hash = createHash("sha256").update(formatImageReference(image)).digest("hex");
  return { id: `image-${hash}`, analyzer, cause, output: { kind: "reference", reference: image }, ...told };
}

/** What is known of an image that was pushed. */
export type ToldOfImage = Pick<Job, "untagged" | "parts">;

/** The jobs for an image without a build, one per analyzer. */
export function imageJobs(
  image: ImageReference,
  cause: JobCause,
  analyzers: readonly Pick<PlannedAnalyzer, "name">[],
  told: ToldOfImage = {},
): readonly Job[] {
  return analyzers.map(({ name }, index) => inGroup(imageJob(image, cause, name, told), index));
}

/** The id that all jobs of one build or image share. */
export function groupOf({ id, group = id }: Pick<Job, "id" | "group">): string {
  return group;
}

/** Whether a job is for one of several images that its build made. */
export function isOneOfSeveral(job: Pick<Job, "id" | "group" | "build">): boolean {
  return job.build !== undefined && groupOf(job) !== `build-${job.build.uid}`;
}

/** Whether two jobs of the same owner's builds are for the same of its images. */
export function isSameProduct(a: Job, b: Job): boolean {
  return !isOneOfSeveral(a) || !isOneOfSeveral(b) || productOf(a) === productOf(b);
}

function productOf({ output }: Job): string {
  if (output?.kind === "reference") return repositoryOf(output.reference);
  return output ? `${output.namespace}/${output.stream}` : "";
}

/** Whose turn a job takes: that of the build's namespace, or of the image's repository. */
export function tenantOf({ build, output }: Pick<Job, "build" | "output">): string {
  if (build) return build.namespace;
  return output?.kind === "reference" ? repositoryOf(output.reference) : (output?.namespace ?? "");
}

/** Repository and digest, by which jobs for the same image are recognised; undefined without a digest. */
export function coveredImage(job: Job): string | undefined {
  const image = job.output;
  return image?.kind === "reference" && image.reference.digest ? formatImageReference(image.reference) : undefined;
}

/** The job's subject for people: the build, else the image. One of a build's images has its place and name with it: `shop/run-1#2:web@0123456789ab`. */
export function describeJob(job: Job): string {
  if (job.build) return `${job.build.namespace}/${buildName(job, job.build)}`;
  return job.output ? formatImageName(job.output) : job.id;
}

/** The name of a job's build, in its namespace. */
export function buildName({ place, output }: Pick<Job, "place" | "output">, { name }: BuildKey): string {
  if (!place) return name;
  return `${name}#${place.at}${output ? `:${shortImageName(formatImageName(output))}` : ""}`;
}

function submitBuild(
  facts: BuildFacts & { readonly reason?: string },
  output: ImageName | undefined,
  policy: SubmissionPolicy,
): Plan {
  const base = policy.baseImage ? facts.base : undefined;
  const { inputs, build, origin, commit, trigger, completedAt, ifMissing, leftOut, place } = facts;
  const buildConfig = ownerOf(facts);
  const seeksBase = policy.baseImage && !facts.base && output !== undefined;
  const id = facts.imageId === undefined ? `build-${build.uid}` : `build-${build.uid}-${facts.imageId}`;
  const failure = facts.reason !== undefined && output ? { failure: facts.reason } : undefined;
  const jobs = policy.analyzers
    .map(({ name, readsLogs }) => ({ analyzer: name, buildLog: policy.buildLog && readsLogs }))
    .filter(({ buildLog }) => output || base || buildLog)
    .map(({ analyzer, buildLog }, index) => {
      const job = { id, analyzer, cause: "build" as const, output, base, inputs, build, buildConfig, buildLog };
      const doubts = { ...(seeksBase && { seeksBase }), ...(output && ifMissing && { ifMissing }) };
      const found = { ...doubts, ...documentOf(output, facts), ...(place && { place }), ...(leftOut && { leftOut }) };
      return inGroup({ ...job, ...found, origin, commit, trigger, completedAt, ...failure }, index);
    });
  return jobs.length === 0 ? skip("nothing-to-submit") : { kind: "submit", jobs };
}

/** Only from the image's own repository: a build must not make the bot read somebody else's data. */
function documentOf(output: ImageName | undefined, { documents = [] }: BuildFacts): Pick<Job, "document"> {
  if (output?.kind !== "reference") return {};
  const own = documents.find((document) => repositoryOf(document) === repositoryOf(output.reference))?.digest;
  return own === undefined ? {} : { document: own };
}

/** The first job of a group has the group's id. */
function inGroup(job: Job, index: number): Job {
  return index === 0 ? job : { ...job, id: `${job.id}-${job.analyzer}`, group: job.id };
}

function filtered(facts: BuildFacts, policy: SubmissionPolicy): Plan | undefined {
  if (!policy.matchesLabels(facts.labels, facts.build.kind)) return skip("label-selector");
  if (!isTracked(facts, policy.track)) return skip("not-tracked");
  if (policy.since !== undefined && Date.parse(facts.completedAt ?? "") < policy.since) return skip("too-old");
  return undefined;
}

/** What a build was made from, as BUILD_WATCHER_TRACK names it, kind included. */
function ownerOf({ buildConfig, ownerKind }: BuildFacts): string | undefined {
  return buildConfig && ownerKind !== undefined ? `${ownerKind}:${buildConfig}` : buildConfig;
}

/** The two parts of a job's `buildConfig`: `name` is `namespace/name`. */
export function ownerParts(owner: string | undefined): { readonly kind: string; readonly name: string | undefined } {
  const [name, kind = "BuildConfig"] = owner?.split(":").toReversed() ?? [];
  return { kind, name };
}

/** Whether what a build was made from, or its pipeline, is to be followed. An empty list means all. */
export function isTracked(
  {
    build,
    buildConfig,
    ownerKind = "BuildConfig",
    pipeline,
  }: Partial<Pick<BuildFacts, "buildConfig" | "ownerKind" | "pipeline">> & Pick<BuildFacts, "build">,
  track: readonly string[],
): boolean {
  if (track.length === 0) return true;
  const owners = [`${ownerKind}:${buildConfig}`, `Pipeline:${pipeline}`];
  return track.some((entry) => {
    const [name = "", kind = "BuildConfig"] = entry.split(":").toReversed();
    return owners.includes(`${kind}:${name.includes("/") ? name : `${build.namespace}/${name}`}`);
  });
}

/** Whether a task is followed by its own name, so that it reports its images though its pipeline does. */
export function isTrackedTask(facts: Parameters<typeof isTracked>[0], track: readonly string[]): boolean {
  const tasks = track.filter((entry) => entry.startsWith("Task:"));
  const { build, buildConfig, ownerKind } = facts;
  return (
    tasks.length > 0 && ownerKind === "Task" && buildConfig !== undefined && isTracked({ build, buildConfig, ownerKind }, tasks)
  );
}

function skip(because: string): Plan {
  return { kind: "skip", because };
}
