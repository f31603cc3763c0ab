import type { AnalysisImage } from "./analyzer.ts";

/** A bill of materials of an image. */
export interface SbomDocument {
  readonly format: "cyclonedx" | "spdx";
  /** JSON. */
  readonly text: string;
  /** How much of the image it covers. */
  readonly coverage: "complete" | "partial";
  readonly why?: string;
  readonly packages?: number;
}

export interface DocumentWish {
  readonly formats: readonly SbomDocument["format"][];
  /** Of CycloneDX, for receivers that do not know the usual one. */
  readonly cycloneDx?: "1.5" | "1.6";
}

/** Where documents come from: one that lies beside the image already, or the bot's own inventory. */
export interface DocumentSource {
  /** The document of an image. Throws `JobError` when there is none to be had: an image that cannot be read is not an image without packages. */
  documentOf(image: AnalysisImage, wish: DocumentWish, signal: AbortSignal): Promise<SbomDocument>;
}
