import { isTracked, type SubmissionPolicy } from "../jobs/job.ts";
import type { BuildKey } from "./build.ts";
import type { BuildOutcome } from "./build-outcome.ts";

/** Whether a build's log is to be streamed now. */
export type BuildProgress =
  | { readonly kind: "running"; readonly build: BuildKey; readonly platform: string | undefined }
  | { readonly kind: "ended"; readonly build: BuildKey }
  | { readonly kind: "other" };

/** Labels that name a build's platform: an orchestrator's own, that of OSBS images, and the node's. */
const platformLabels = ["platform", "architecture", "kubernetes.io/arch", "beta.kubernetes.io/arch"];

/** Says whether a followed build is running. */
export function progressOf(
  outcome: BuildOutcome,
  { track, matchesLabels }: Pick<SubmissionPolicy, "track" | "matchesLabels">,
): BuildProgress {
  if (outcome.kind !== "pending") return outcome.build ? { kind: "ended", build: outcome.build } : { kind: "other" };
  const { phase, build, labels } = outcome;
  if (phase !== "Running" || !isTracked(outcome, track) || !matchesLabels(labels, build.kind)) return { kind: "other" };
  return { kind: "running", build, platform: platformOf(labels) };
}

function platformOf(labels: Readonly<Record<string, unknown>>): string | undefined {
  const named = platformLabels.map((label) => labels[label]);
  return named.find((value) => typeof value === "string" && value !== "") as string | undefined;
}
