/** What distinguishes a container image from other things in registries; media types as in a manifest. */
export interface ImageTraits {
  readonly tag?: string | undefined;
  /** Of the whole (OCI 1.1). */
  readonly artifactType?: string | undefined;
  /** The configuration's media type. */
  readonly config?: string | undefined;
  /** The layers' media types; undefined where they are not known. */
  readonly layers?: readonly (string | undefined)[] | undefined;
  /** The media types of what an index names; undefined for anything else. */
  readonly children?: readonly (string | undefined)[] | undefined;
}

/** Tags under which cosign and the OCI's fallback for referrers keep what belongs to an image. */
const attachment = /^sha256-[0-9a-f]{64}(?:\.[A-Za-z0-9]{1,32})?$/;

/** The last four are no image's, but some registries answer them for one, and Docker accepts them (moby, ImageTypes; docker/distribution#1621). */
const imageConfigs: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
  "application/octet-stream",
  "application/json",
  "text/html",
  "",
]);
const imageLayers = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."] as const;
const imageManifests = [
  "application/vnd.oci.image.manifest.",
  "application/vnd.oci.image.index.",
  "application/vnd.docker.distribution.manifest.",
] as const;

/** Whether a configuration of this media type can be that of a container image. */
export function isImageConfig(mediaType: string): boolean {
  return imageConfigs.has(bare(mediaType));
}

/**
 * Why something in a registry is not a container image and is ignored: signatures, attestations, bills of materials, charts, modules and other
 * artifacts. Undefined when it can be an image.
 */
export function whyNoImage({ tag, artifactType, config, layers, children }: ImageTraits): string | undefined {
  if (tag !== undefined && attachment.test(tag)) return `the tag ${tag} holds what belongs to another image, such as a signature`;
  if (artifactType && !isImageConfig(artifactType)) return `it is an artifact (${artifactType})`;
  if (children?.length === 0) return "it names no images";
  // A build cache of BuildKit is an index of layers.
  if (children && !children.some((type) => isOf(imageManifests, type))) return `what it names are no images (${children[0]})`;
  if (children) return undefined;
  if (config && !isImageConfig(config)) return `its configuration is no image's (${config})`;
  if (layers?.length === 0) return "it has no layers";
  return layers && !layers.some((type) => isOf(imageLayers, type)) ? `its layers are no file systems (${layers[0]})` : undefined;
}

/** A missing type can be any. */
function isOf(starts: readonly string[], type: string | undefined): boolean {
  return type === undefined || starts.some((start) => bare(type).startsWith(start));
}

function bare(mediaType: string): string {
  return mediaType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}
