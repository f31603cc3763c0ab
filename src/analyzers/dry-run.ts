import { formatImageReference } from "../core/images/image-reference.ts";
import type { AnalysisRequest, Analyzer } from "./analyzer.ts";

/** Stands in for an analyzer: submits nothing, and says in the record what would have been. */
export function createDryRunAnalyzer(name: string): Analyzer {
  return {
    name,
    submit: async (request) => ({ analyzer: "dry-run", analyses: [], notes: [`Dry run, not submitted: ${summary(request)}`] }),
    discover: async () => undefined,
  };
}

function summary({ output, base, buildLog }: AnalysisRequest): string {
  const parts = [
    output && `output image ${formatImageReference(output.reference)}`,
    base && `base image ${formatImageReference(base.reference)}`,
    buildLog !== undefined && `build log of ${Buffer.byteLength(buildLog)} bytes`,
  ];
  return parts.filter(Boolean).join(", ");
}
