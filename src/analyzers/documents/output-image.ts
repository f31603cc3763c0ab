import type { Submission } from "../analyzer.ts";

/** What a job without an output image comes to at a service that looks at images alone. */
export function nothingToAnalyze(analyzer: string): Submission {
  return { analyzer, analyses: [], notes: [`${analyzer} only looks at output images, and there is none.`] };
}
