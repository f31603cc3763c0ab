import type { Build, BuildKey } from "./build.ts";
import { buildConfigOf, buildKey, skipAnnotation } from "./build-outcome.ts";
import { isTracked, type SubmissionPolicy } from "./job.ts";

/** How a build stands to those whose logs are shown while they run. */
export type BuildProgress =
  | { readonly kind: "running"; readonly build: BuildKey; readonly platform: string | undefined }
  | { readonly kind: "ended"; readonly build: BuildKey }
  | { readonly kind: "other" };

/** The labels by which builds for several platforms are told apart: an orchestrator's own, that of OSBS' images, and the node's. */
const platformLabels = ["platform", "architecture", "kubernetes.io/arch", "beta.kubernetes.io/arch"];

/** Says whether a build runs that is followed; never throws, whatever the server sent. */
export function progressOf(
  build: Build,
  { track, matchesLabels }: Pick<SubmissionPolicy, "track" | "matchesLabels">,
): BuildProgress {
  const key = buildKey(build);
  if (!key) return { kind: "other" };
  const { metadata: { labels, annotations } = {}, status } = build;
  if (["Complete", "Failed", "Error", "Cancelled"].includes(status?.phase ?? "")) return { kind: "ended", build: key };
  if (status?.phase !== "Running" || annotations?.[skipAnnotation] === "true") return { kind: "other" };
  const buildConfig = buildConfigOf(build, key);
  if (!isTracked({ build: key, ...(buildConfig && { buildConfig }) }, track) || !matchesLabels(labels ?? {}))
    return { kind: "other" };
  return { kind: "running", build: key, platform: platformOf(labels ?? {}) };
}

function platformOf(labels: Readonly<Record<string, unknown>>): string | undefined {
  const named = platformLabels.map((label) => labels[label]);
  return named.find((value) => typeof value === "string" && value !== "") as string | undefined;
}
