import { formatImageReference, type ImageReference } from "../core/images/image-reference.ts";
import { asJobError, JobError } from "../core/jobs/errors.ts";
import type { Findings } from "../core/jobs/findings.ts";
import type { Completeness, ImageSummary, Inventory, ReachableImage } from "../inventory/inventory.ts";
import type { AnalysisImage, Analyzer, SubmittedAnalysis } from "./analyzer.ts";

/** Attaches what is known of an image to it in its registry. Throws `JobError`. */
export type AttachDocuments = (image: ImageReference, read: ImageSummary, signal: AbortSignal) => Promise<void>;

export interface PackagesParts {
  readonly inventory: Pick<Inventory, "read">;
  /** Opens an image in its registry, with its registry's login. Throws `JobError`. */
  readonly open: (image: ImageReference, signal: AbortSignal) => Promise<ReachableImage>;
  /** Present where bills of materials are attached to copies. */
  readonly attach?: AttachDocuments | undefined;
}

/** Reads the packages out of images itself: an analysis without a service. It ends with the submission. */
export function createPackagesAnalyzer({ inventory, open, attach }: PackagesParts): Analyzer {
  return {
    name: "packages",
    async submit({ output, base }, signal) {
      const notes: string[] = [];
      const analyses: SubmittedAnalysis[] = [];
      // The base first: its layers then serve the image that is based on it.
      const under = base && (await readBase(base, notes, signal));
      if (under) analyses.push(ended("base", under));
      const read = output && (await readImage(output, signal));
      if (read && attach) await attachTo(output.reference, read, notes, signal);
      if (read) analyses.unshift(ended("output", read));
      if (!output && !base) notes.push("Packages are read out of images; a build log alone has none.");
      return { analyzer: "packages", analyses, notes, ...(read && { findings: findingsOf(read) }) };
    },
    discover: async () => undefined,
  };

  /** What cannot be attached costs the image nothing. */
  async function attachTo(image: ImageReference, read: ImageSummary, notes: string[], signal: AbortSignal): Promise<void> {
    try {
      await attach?.(image, read, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      notes.push(`The bill of materials was not attached to ${formatImageReference(image)}: ${asJobError(error).message}`);
    }
  }

  async function readImage({ reference }: AnalysisImage, signal: AbortSignal): Promise<ImageSummary> {
    return inventory.read(await open(reference, signal), signal);
  }

  /** A base image that cannot be read does not cost the output image its packages. */
  async function readBase(base: AnalysisImage, notes: string[], signal: AbortSignal): Promise<ImageSummary | undefined> {
    try {
      return await readImage(base, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof JobError)) throw error;
      notes.push(`Base image ${formatImageReference(base.reference)} was not read: ${asJobError(error).message}`);
      return undefined;
    }
  }
}

function ended(of: "output" | "base", { digest }: ImageSummary): SubmittedAnalysis {
  return { of, id: digest, cached: false, state: "succeeded" };
}

/** Of an image for several platforms the largest number, and the least that is known of any. */
export function findingsOf({ contents }: ImageSummary): Findings {
  const ranks: readonly Completeness[] = ["complete", "partial", "unknown"];
  const rank = Math.max(0, ...contents.map(({ completeness }) => ranks.indexOf(completeness)));
  const coverage = contents.length === 0 ? "unknown" : (ranks[rank] ?? "unknown");
  const reasons = [...new Set(contents.flatMap((one) => one.reasons))];
  const why = [...reasons.slice(0, 3), ...(reasons.length > 3 ? [`and ${reasons.length - 3} more`] : [])].join("; ");
  const packages = Math.max(0, ...contents.map(({ count }) => count));
  return { coverage, ...(why && { why }), ...(coverage !== "unknown" && { packages }) };
}
