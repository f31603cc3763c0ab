import type { AttachDocuments } from "../../analyzers/packages.ts";
import type { Config } from "../../config/options.ts";
import { isSameRegistry } from "../../core/hosts/registry-names.ts";
import { pushHost } from "../../core/images/push-target.ts";
import { attach } from "../../registry/attach.ts";
import type { Reading, RegistryOwner } from "./reading.ts";

/** The media type of CycloneDX documents (IANA). */
const cycloneDx = "application/vnd.cyclonedx+json";

/** Attaches the documents of all platforms to a copy, if that is wanted. Never to an image in the cluster's own registry. */
export function documentAttacher(
  { attachSbom, pushRegistry, sbomVersion: specVersion }: Config,
  cluster: Pick<RegistryOwner, "ownsImage">,
  { copies, inventory }: Reading,
): AttachDocuments | undefined {
  if (!attachSbom || pushRegistry === undefined) return undefined;
  const host = pushHost(pushRegistry);
  return async (image, { contents }, signal) => {
    if (!isSameRegistry(image.registry, host) || cluster.ownsImage(image)) return;
    const send = await copies(image, signal);
    for (const { digest, completeness } of contents) {
      const document = await inventory.known.document(digest, { image: { ...image, digest }, specVersion });
      if (completeness === "unknown" || !document) continue;
      await attach(send, digest, { mediaType: cycloneDx, title: "sbom.cdx.json", bytes: Buffer.from(document) }, signal);
    }
  };
}
