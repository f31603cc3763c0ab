import { isTracked, type SubmissionPolicy } from "../jobs/job.ts";
import type { BuildKey } from "./build.ts";
import type { BuildOutcome } from "./build-outcome.ts";

/** Whether a build's log is to be streamed now. */
export type BuildProgress =
  | { readonly kind: "running"; readonly build: BuildKey; readonly tags: LogTags }
  | { readonly kind: "ended"; readonly build: BuildKey }
  | { readonly kind: "other" };

/** What the lines of its log are tagged with beside its name, as far as it is known. */
export interface LogTags {
  readonly platform?: string;
  /** `namespace/name` of the pipeline that it is part of, and the name of its task there. */
  readonly pipeline?: string;
  readonly task?: string;
}

/** Labels that name a build's platform: an orchestrator's own, that of OSBS images, and the node's. */
const platformLabels = ["platform", "architecture", "kubernetes.io/arch", "beta.kubernetes.io/arch"];

/** Says whether a followed build is running. */
export function progressOf(
  outcome: BuildOutcome,
  { track, matchesLabels }: Pick<SubmissionPolicy, "track" | "matchesLabels">,
): BuildProgress {
  if (outcome.kind !== "pending") return outcome.build ? { kind: "ended", build: outcome.build } : { kind: "other" };
  const { phase, build, labels, pipeline, task, hasParts } = outcome;
  if (hasParts || phase !== "Running" || !isTracked(outcome, track) || !matchesLabels(labels, build.kind))
    return { kind: "other" };
  const platform = platformOf(labels);
  return {
    kind: "running",
    build,
    tags: { ...(platform && { platform }), ...(pipeline && { pipeline }), ...(task && { task }) },
  };
}

function platformOf(labels: Readonly<Record<string, unknown>>): string | undefined {
  const named = platformLabels.map((label) => labels[label]);
  return named.find((value) => typeof value === "string" && value !== "") as string | undefined;
}
