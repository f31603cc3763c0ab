import type { DocumentSource, SbomDocument } from "../analyzers/documents.ts";
import { JobError } from "../core/errors.ts";
import { formatImageReference } from "../core/image-reference.ts";
import type { ImageSummary } from "../inventory/inventory.ts";
import type { Reading } from "./reading.ts";

/** Documents of what the bot itself reads in images. */
export function inventoryDocuments(reading: Reading | undefined): DocumentSource {
  return {
    async documentOf({ reference }, { formats, cycloneDx = "1.6" }, signal) {
      if (!reading || !formats.includes("cyclonedx")) throw new Error("Nothing was set up to write such documents");
      const { inventory } = reading;
      const summary = await inventory.read(await reading.open(reference, signal), signal);
      const name = formatImageReference(reference);
      const facts = { image: reference, specVersion: cycloneDx } as const;
      const bytes = summary.contents.length > 0 ? await inventory.known.document(summary.digest, facts) : undefined;
      return describe(summary, name, bytes);
    },
  };
}

/** A document of an image that could not be read would say that nothing is in it. */
function describe({ contents }: ImageSummary, name: string, bytes: Uint8Array | undefined): SbomDocument {
  const [first] = contents;
  const why = first?.reasons.slice(0, 3).join("; ");
  if (!first || !bytes || first.completeness === "unknown") {
    throw new JobError(
      "AnalyzerRejected",
      `There is no bill of materials of ${name}: ${why || "its packages could not be read"}.`,
    );
  }
  return {
    format: "cyclonedx",
    text: Buffer.from(bytes).toString("utf8"),
    coverage: first.completeness,
    ...(why && { why }),
    packages: first.count,
  };
}
