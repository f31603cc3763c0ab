import type { Submission } from "../analyzer.ts";

/** The result of a job without an output image at a service that only scans images. */
export function nothingToAnalyze(analyzer: string): Submission {
  return { analyzer, analyses: [], notes: [`${analyzer} only looks at output images, and there is none.`] };
}
