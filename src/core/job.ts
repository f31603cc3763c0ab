import { createHash } from "node:crypto";
import type { BuildKey } from "./build.ts";
import type { BuildFacts, BuildOutcome } from "./build-outcome.ts";
import { formatImageName, type ImageName } from "./image-name.ts";
import { formatImageReference, type ImageReference } from "./image-reference.ts";

export const jobCauses = ["build", "scan", "webhook", "command-line"] as const;
export type JobCause = (typeof jobCauses)[number];

/** One piece of work, as it lies in the ledger: plain JSON that names things. Secrets and logs are fetched when it runs. */
export interface Job {
  /** `build-<uid>`, or `image-<hash of the reference>`: the same work always has the same id. */
  readonly id: string;
  readonly cause: JobCause;
  readonly output?: ImageName;
  readonly base?: ImageName;
  readonly build?: BuildKey;
  readonly buildConfig?: string;
  /** Whether the build's log is part of the submission. */
  readonly buildLog?: boolean;
  readonly origin?: string;
  readonly commit?: string;
  readonly trigger?: string;
  /** RFC 3339; which item of a moving tag the build made is told by it. */
  readonly completedAt?: string;
}

export type Plan = { readonly kind: "submit"; readonly job: Job } | { readonly kind: "skip"; readonly because: string };

/** What the operator wants submitted. */
export interface SubmissionPolicy {
  readonly outputImage: boolean;
  readonly baseImage: boolean;
  readonly buildLog: boolean;
  readonly failedBuilds: boolean;
  /** `namespace/name` or `name` of the BuildConfigs to follow; empty means all. */
  readonly track: readonly string[];
  /** Whether a build with these labels is wanted. */
  readonly matchesLabels: (labels: Readonly<Record<string, string>>) => boolean;
}

/** Decides whether a build becomes a job, and says why when it does not. */
export function planJob(outcome: BuildOutcome, policy: SubmissionPolicy): Plan {
  switch (outcome.kind) {
    case "pending":
      return skip("not-ended");
    case "ignored":
      return skip(outcome.because);
    case "failed":
      if (!policy.failedBuilds) return skip("failed-build");
      return filtered(outcome, policy) ?? submitBuild(outcome, undefined, policy);
    case "succeeded":
      return filtered(outcome, policy) ?? submitBuild(outcome, policy.outputImage ? outcome.outputs[0] : undefined, policy);
  }
}

/** A job for an image alone. Its id is the reference's: an image named by digest is one job for ever. */
export function imageJob(image: ImageReference, cause: JobCause): Job {
  const hash = createHash("sha256").update(formatImageReference(image)).digest("hex");
  return { id: `image-${hash}`, cause, output: { kind: "reference", reference: image } };
}

/** What other jobs for the same image are recognised by: its repository and digest; undefined when it is not pinned. */
export function coveredImage(job: Job): string | undefined {
  const image = job.output;
  return image?.kind === "reference" && image.reference.digest ? formatImageReference(image.reference) : undefined;
}

/** What the job is about, for people: the build, else the image. */
export function describeJob(job: Job): string {
  if (job.build) return `${job.build.namespace}/${job.build.name}`;
  return job.output ? formatImageName(job.output) : job.id;
}

function submitBuild(facts: BuildFacts, output: ImageName | undefined, policy: SubmissionPolicy): Plan {
  const base = policy.baseImage ? facts.base : undefined;
  if (!output && !base && !policy.buildLog) return skip("nothing-to-submit");
  const { build, buildConfig, origin, commit, trigger, completedAt } = facts;
  const job = { id: `build-${build.uid}`, cause: "build" as const, output, base, build, buildConfig, buildLog: policy.buildLog };
  return { kind: "submit", job: { ...job, origin, commit, trigger, completedAt } };
}

function filtered(facts: BuildFacts, policy: SubmissionPolicy): Plan | undefined {
  if (!policy.matchesLabels(facts.labels)) return skip("label-selector");
  if (!isTracked(facts, policy.track)) return skip("not-tracked");
  return undefined;
}

/** Whether a build's BuildConfig is among those to follow; none named means all. */
export function isTracked({ build, buildConfig }: Pick<BuildFacts, "build" | "buildConfig">, track: readonly string[]): boolean {
  if (track.length === 0) return true;
  if (!buildConfig) return false;
  return track.some((entry) => (entry.includes("/") ? entry === buildConfig : `${build.namespace}/${entry}` === buildConfig));
}

function skip(because: string): Plan {
  return { kind: "skip", because };
}
