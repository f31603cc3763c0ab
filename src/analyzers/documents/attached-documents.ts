import { asJobError, JobError } from "../../core/jobs/errors.ts";
import type { Inventory } from "../../inventory/inventory.ts";
import type { AnalysisImage } from "../analyzer.ts";
import type { DocumentPlace, DocumentWish, SbomDocument } from "./documents.ts";

/** A bill of materials attached to an image, not read yet. */
export interface FoundDocument {
  /** Its type; absent if unknown. */
  readonly mediaType?: string;
  /** Its bytes, checked and bounded. Throws `JobError`. */
  read(signal: AbortSignal): Promise<Buffer>;
}

export interface AttachedDocumentsParts {
  /** All that are attached to an image, the one to be used first. Throws `JobError` if its registry cannot be asked. */
  readonly find: (image: AnalysisImage, signal: AbortSignal) => Promise<readonly FoundDocument[]>;
  readonly inventory: Pick<Inventory, "describeDocument">;
}

/** Documents that the build or others attached to an image. One that cannot be used is skipped with a note. */
export function createAttachedDocuments({ find, inventory }: AttachedDocumentsParts): DocumentPlace {
  return {
    async find(image, wish, notes, signal) {
      const found = await attached(image, notes, signal);
      if (found.length === 0 && notes.length === 0) notes.push("No document is attached to the image.");
      for (const candidate of found.toSorted((a, b) => rankOf(a, wish) - rankOf(b, wish))) {
        const document = isWanted(candidate, wish) ? await take(candidate, wish, notes, signal) : undefined;
        if (document) return document;
      }
      return undefined;
    },
  };

  async function attached(image: AnalysisImage, notes: string[], signal: AbortSignal): Promise<readonly FoundDocument[]> {
    try {
      return await find(image, signal);
    } catch (error) {
      return passOver(error, notes, signal) ?? [];
    }
  }

  async function take(
    candidate: FoundDocument,
    wish: DocumentWish,
    notes: string[],
    signal: AbortSignal,
  ): Promise<SbomDocument | undefined> {
    try {
      const bytes = await candidate.read(signal);
      const described = await inventory.describeDocument(bytes, signal);
      if (described.kind === "unreadable") throw new JobError("AnalyzerRejected", described.reason);
      const { format, version, coverage, packages, why: gap } = described;
      const why = unfit(format, version, wish);
      if (why !== undefined) throw new JobError("AnalyzerRejected", why);
      const name = format === "spdx" ? "SPDX" : "CycloneDX";
      const own = [`The ${name} ${version} document that is attached to the image was used.`];
      return { format, text: bytes.toString("utf8"), coverage, packages, ...(gap && { why: gap }), notes: own };
    } catch (error) {
      return passOver(error, notes, signal);
    }
  }
}

/** Preferred formats first. A document without a type was named by the build itself. */
function rankOf({ mediaType }: FoundDocument, { formats }: DocumentWish): number {
  return mediaType === undefined ? -1 : formats.findIndex((format) => mediaType.includes(format));
}

function isWanted({ mediaType }: FoundDocument, { formats }: DocumentWish): boolean {
  return mediaType === undefined || formats.some((format) => mediaType.includes(format));
}

/** Why a document does not suit the receiver. */
function unfit(
  format: SbomDocument["format"],
  version: string,
  { formats, cycloneDx = "1.6" }: DocumentWish,
): string | undefined {
  if (!formats.includes(format)) return `it is ${format}, which the service does not take`;
  return format === "cyclonedx" && version > cycloneDx ? `it is CycloneDX ${version}, newer than the service knows` : undefined;
}

/** Temporary failures are retried later; everything else becomes a note. */
function passOver(error: unknown, notes: string[], signal: AbortSignal): undefined {
  const failure = asJobError(error);
  if (signal.aborted || failure.retryable) throw error;
  notes.push(`An attached document was not used: ${failure.message}.`);
  return undefined;
}
