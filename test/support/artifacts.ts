import { digestOf, type MadeImage } from "./registry-images.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

/** What is attached to an image: one file. */
export interface ArtifactOptions {
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** The image it belongs to, for a referrer of OCI 1.1. */
  readonly subject?: MadeImage;
  /** RFC 3339. */
  readonly created?: string;
}

/** An artifact made by hand, as tools push it. */
export function makeArtifact({ mediaType, bytes, subject, created }: ArtifactOptions): MadeImage {
  const config = Buffer.from("{}");
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      ...(subject && { artifactType: mediaType }),
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(config), size: 2 },
      layers: [{ mediaType, digest: digestOf(bytes), size: bytes.length }],
      ...(subject && { subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.manifest.length } }),
      ...(created && { annotations: { "org.opencontainers.image.created": created } }),
    }),
  );
  return { digest: digestOf(manifest), mediaType: manifestType, manifest, blobs: [config, bytes], children: [] };
}

/** The list of what belongs to an image, as it lies under a tag where the registry has no API for it. */
export function makeReferrers(artifacts: readonly MadeImage[]): MadeImage {
  const manifests = artifacts.map(({ digest, manifest }) => {
    const { artifactType, annotations } = JSON.parse(manifest.toString());
    return { mediaType: manifestType, digest, size: manifest.length, artifactType, annotations };
  });
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
  return { digest: digestOf(manifest), mediaType: indexType, manifest, blobs: [], children: artifacts };
}

/** `sha256-…`, with what may follow: the tags for what belongs to an image. */
export function tagFor(image: MadeImage, end = ""): string {
  return image.digest.replace(":", "-") + end;
}

/** A CycloneDX document as another tool writes it. */
export function cycloneDx(names: readonly string[], fields: object = {}): Buffer {
  const components = names.map((name) => ({ type: "library", name, version: "1.0", purl: `pkg:npm/${name}@1.0` }));
  return Buffer.from(JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.4", version: 1, components, ...fields }));
}

/** The same as SPDX. */
export function spdx(names: readonly string[], fields: object = {}): Buffer {
  const packages = names.map((name) => ({ name, SPDXID: `SPDXRef-${name}`, versionInfo: "1.0" }));
  return Buffer.from(JSON.stringify({ spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", packages, ...fields }));
}
