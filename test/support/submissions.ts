import type { AnalysisApi, AnalysisRequest } from "../../src/demo/analysis-api.ts";
import type { OpenShiftApi } from "../../src/demo/openshift-api.ts";
import { aBuild, digestOf } from "./fixtures.ts";

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

/** Image streams `image-0`, `image-1`, … with one image each that no build made. */
export function putLoneImages(cluster: OpenShiftApi, count: number): void {
  for (let number = 0; number < count; number += 1) {
    const name = `image-${number}`;
    const image = digestOf(name);
    const item = { created: "2026-01-01T00:00:00Z", dockerImageReference: `quay.io/shop/${name}@${image}`, image };
    cluster.put("imagestreams", { metadata: { name, namespace }, spec: {}, status: { tags: [{ tag: "1", items: [item] }] } });
  }
}
