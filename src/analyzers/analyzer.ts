import type { Digest, ImageReference } from "../core/images/image-reference.ts";
import type { Findings } from "../core/jobs/findings.ts";

/** An image as the analysis service is to pull it. */
export interface AnalysisImage {
  readonly reference: ImageReference;
  /** Only ever a login of this image's own registry. */
  readonly login?: { readonly user: string; readonly password: string };
  readonly verifyTls: boolean;
  /** Where it was copied from; absent where it is no copy. */
  readonly source?: ImageReference;
  /** Its bill of materials, which the build put beside the image (beside `source`, where it is a copy): the digest of a blob. */
  readonly document?: Digest;
}

export interface AnalysisRequest {
  readonly jobId: string;
  readonly output?: AnalysisImage;
  readonly base?: AnalysisImage;
  readonly buildLog?: string;
  /** Where the image is used, e.g. a git URI. */
  readonly origin?: string;
  readonly commit?: string;
  /** The build that made the output image. */
  readonly build?: { readonly namespace: string; readonly name: string };
}

/** An analysis that a submission began, or found; with a state where it has ended already. */
export interface SubmittedAnalysis {
  readonly of: "output" | "base" | "build-log";
  readonly id: string;
  readonly cached: boolean;
  readonly state?: "succeeded" | "failed";
}

/** What a service said to a submission. Plain JSON. */
export interface Submission {
  readonly analyzer: string;
  readonly analyses: readonly SubmittedAnalysis[];
  /** What a person should know: a base image left out, and why. */
  readonly notes: readonly string[];
  /** Where a person can look results up. */
  readonly link?: string;
  /** What was found, where the answer itself says it. */
  readonly findings?: Findings;
}

/** How an analysis goes. `unknown`: the service knows none of this id (any more, or yet). */
export interface AnalysisStatus {
  readonly state: "running" | "succeeded" | "failed" | "unknown";
  /** Milliseconds since the epoch, by the service's clock. */
  readonly endedAt?: number;
  /** Why it failed, as the service says. */
  readonly reason?: string;
  /** Where a person can look results up. */
  readonly link?: string;
  /** What was found, once it has ended. */
  readonly findings?: Findings;
  /** Milliseconds after which the service wants to be asked again. */
  readonly retryAfter?: number;
}

/** A door to an analysis service. */
export interface Analyzer {
  /** The name that jobs, metrics and BUILD_WATCHER_ANALYZERS know it by. */
  readonly name: string;
  /** Submits one job's images; safe to repeat. Throws `JobError`: what the service refuses is final, what it cannot do now is retryable. */
  submit(request: AnalysisRequest, signal: AbortSignal): Promise<Submission>;
  /** Asks how an analysis goes, if the service can say that. Throws `JobError`. */
  status?(analysisId: string, signal: AbortSignal): Promise<AnalysisStatus>;
  /** Whether the service is there and speaks the contract; throws a `JobError` that says what to change. */
  discover(signal: AbortSignal): Promise<void>;
}
