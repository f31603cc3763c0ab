import type { AnalysisImage } from "../../analyzers/analyzer.ts";
import { createAttachedDocuments, type FoundDocument } from "../../analyzers/documents/attached-documents.ts";
import { createDocuments, type DocumentPlace, type DocumentSource } from "../../analyzers/documents/documents.ts";
import { createInventoryDocuments } from "../../analyzers/documents/inventory-documents.ts";
import type { Config } from "../../config/options.ts";
import { findAttachedDocuments, namedDocument } from "../../registry/reading/attached-documents.ts";
import type { ImageDoor, Reading } from "./reading.ts";

/** Bills of materials from the configured places, in that order. Without a way to read images there are none. */
export function openDocuments(
  { sbomSource, sbomVersion }: Pick<Config, "sbomSource" | "sbomVersion">,
  reading: Reading | undefined,
): DocumentSource {
  if (!reading) return createDocuments([]);
  const { inventory } = reading;
  const find = (image: AnalysisImage, signal: AbortSignal) => attachedTo(image, reading, signal);
  const places: Readonly<Record<string, DocumentPlace>> = {
    attached: createAttachedDocuments({ find, inventory }),
    inventory: createInventoryDocuments(reading, sbomVersion),
  };
  return createDocuments(sbomSource.map((name) => places[name]).filter((place) => place !== undefined));
}

/** First what the build named, then what is attached to the image, then what is attached to the original of a copy. */
async function attachedTo(
  { reference, source, document }: AnalysisImage,
  { open }: ImageDoor,
  signal: AbortSignal,
): Promise<readonly FoundDocument[]> {
  const images = await Promise.all([reference, ...(source ? [source] : [])].map((image) => open(image, signal)));
  const built = images.at(-1);
  const found: FoundDocument[] = document && built ? [namedDocument(built, document)] : [];
  for (const image of images) found.push(...(await findAttachedDocuments(image, signal)));
  return found;
}
