import { formatImageReference } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { AnalysisImage } from "../analyzer.ts";

/** A bill of materials of an image. */
export interface SbomDocument {
  readonly format: "cyclonedx" | "spdx";
  /** JSON. */
  readonly text: string;
  /** How much of the image it covers. */
  readonly coverage: "complete" | "partial";
  readonly why?: string;
  readonly packages?: number;
  /** Where it comes from, and what was not used in its place, for people. */
  readonly notes?: readonly string[];
}

export interface DocumentWish {
  /** What the receiver takes, the dearest first. */
  readonly formats: readonly SbomDocument["format"][];
  /** Of CycloneDX, for receivers that do not know the usual one. */
  readonly cycloneDx?: "1.5" | "1.6";
}

/** Where documents come from: those attached to the image, and the bot's own inventory. */
export interface DocumentSource {
  /** The document of an image. Throws `JobError` when there is none to be had: an image that cannot be read is not an image without packages. */
  documentOf(image: AnalysisImage, wish: DocumentWish, signal: AbortSignal): Promise<SbomDocument>;
}

/** One place that may have a document. */
export interface DocumentPlace {
  /** The document that lies there, if there is one; what was looked at and not used is added to `notes`. Throws `JobError`. */
  find(image: AnalysisImage, wish: DocumentWish, notes: string[], signal: AbortSignal): Promise<SbomDocument | undefined>;
}

/** The first document that one of the places has. */
export function createDocuments(places: readonly DocumentPlace[]): DocumentSource {
  return {
    async documentOf(image, wish, signal) {
      const notes: string[] = [];
      for (const place of places) {
        const document = await place.find(image, wish, notes, signal);
        if (document) return { ...document, notes: [...(document.notes ?? []), ...notes] };
      }
      const name = formatImageReference(image.reference);
      throw new JobError("AnalyzerRejected", `There is no bill of materials of ${name}: ${notes.join(" ")}`);
    },
  };
}
