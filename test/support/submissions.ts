import type { AnalysisApi, AnalysisRequest } from "../../src/demo/analysis-api.ts";
import { aBuild } from "./fixtures.ts";

export const namespace = "golang-builder";

/** The image a submission is about, as it was named. */
export function imageOf({ query, body }: Pick<AnalysisRequest, "query" | "body">): string {
  return (body as { output_image?: string | null } | undefined)?.output_image ?? query.image ?? "";
}

/** The Build that made the submitted image: test builds push to a repository of their BuildConfig's name. */
export function buildOf(submission: Pick<AnalysisRequest, "query" | "body">): string {
  return /\/([^/@:]+)(?:[@:]|$)/.exec(imageOf(submission))?.[1] ?? "";
}

/** How often each build was submitted. */
export function submissionsByBuild({ submissions }: AnalysisApi): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const submission of submissions) {
    const build = buildOf(submission);
    counts.set(build, (counts.get(build) ?? 0) + 1);
  }
  return counts;
}

/** A Build that just completed, of a BuildConfig of its own: `app-7` is the first build of `app-7`. */
export function completedBuild(name: string, traits: Parameters<typeof aBuild>[0] = {}) {
  return aBuild({ name: `${name}-1`, namespace, buildConfig: name, ...traits });
}
