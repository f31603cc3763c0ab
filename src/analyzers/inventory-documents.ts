import { JobError } from "../core/errors.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { DocumentSource } from "./documents.ts";
import { findingsOf, type PackagesParts } from "./packages.ts";

export interface InventoryDocumentsParts extends Pick<PackagesParts, "open"> {
  readonly inventory: Pick<Inventory, "read" | "known">;
  readonly specVersion: "1.5" | "1.6";
}

/** Bills of materials that the bot makes itself, of the packages it reads. An image of which nothing is known has none. */
export function createInventoryDocuments({ inventory, open, specVersion }: InventoryDocumentsParts): DocumentSource {
  return {
    async documentOf({ reference }, { formats, cycloneDx = specVersion }, signal) {
      if (!formats.includes("cyclonedx"))
        throw new JobError("AnalyzerRejected", "The bot's own bills of materials are CycloneDX documents only");
      const read = await inventory.read(await open(reference, signal), signal);
      const { coverage, why, packages } = findingsOf(read);
      if (coverage === "unknown")
        throw new JobError("AnalyzerRejected", `Nothing is known of what lies in the image: ${why ?? "no reason"}`);
      const document = await inventory.known.document(read.digest, { image: reference, specVersion: cycloneDx });
      if (!document) throw new JobError("Unexpected", "The packages of the image were forgotten while its document was written");
      const text = Buffer.from(document).toString("utf8");
      return { format: "cyclonedx", text, coverage, ...(why && { why }), ...(packages !== undefined && { packages }) };
    },
  };
}
