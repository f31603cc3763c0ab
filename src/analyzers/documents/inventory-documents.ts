import { formatImageReference } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { Inventory } from "../../inventory/inventory.ts";
import { findingsOf, type PackagesParts } from "../packages.ts";
import type { DocumentPlace } from "./documents.ts";

export interface InventoryDocumentsParts extends Pick<PackagesParts, "open"> {
  readonly inventory: Pick<Inventory, "read" | "known">;
}

/**
 * Bills of materials that the bot makes itself from the packages it reads. For several platforms only the first one gets one. An image of
 * which nothing is known has none: its document would say that nothing is in it.
 */
export function createInventoryDocuments(
  { inventory, open }: InventoryDocumentsParts,
  usualVersion: "1.5" | "1.6",
): DocumentPlace {
  return {
    async find({ reference }, { formats, cycloneDx = usualVersion }, _notes, signal) {
      if (!formats.includes("cyclonedx")) return undefined;
      const { digest, contents } = await inventory.read(await open(reference, signal), signal);
      const { coverage, why, packages } = findingsOf({ digest, contents: contents.slice(0, 1) });
      const facts = { image: reference, specVersion: cycloneDx };
      const document = coverage === "unknown" ? undefined : await inventory.known.document(digest, facts);
      if (coverage === "unknown" || !document) {
        const name = formatImageReference(reference);
        const because = why ?? "its packages could not be read";
        throw new JobError("AnalyzerRejected", `There is no bill of materials of ${name}: ${because}.`);
      }
      const text = Buffer.from(document).toString("utf8");
      return { format: "cyclonedx", text, coverage, ...(why && { why }), ...(packages !== undefined && { packages }) };
    },
  };
}
