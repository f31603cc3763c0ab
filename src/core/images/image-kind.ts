/** What distinguishes a container image from other things in registries; media types as in a manifest. */
export interface ImageTraits {
  readonly tag?: string | undefined;
  /** Of the whole (OCI 1.1). */
  readonly artifactType?: string | undefined;
  /** The configuration's media type. */
  readonly config?: string | undefined;
  /** The layers' media types; undefined where they are not known. */
  readonly layers?: readonly (string | undefined)[] | undefined;
}

/** Tags under which cosign and the OCI's fallback for referrers keep what belongs to an image. */
const attachment = /^sha256-[0-9a-f]{64}(?:\.[A-Za-z0-9]{1,32})?$/;

const imageConfigs: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);
const imageLayers = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."] as const;

/**
 * Why something in a registry is not a container image and is ignored: signatures, attestations, bills of materials, charts, modules and other
 * artifacts. Undefined when it can be an image.
 */
export function whyNoImage({ tag, artifactType, config, layers }: ImageTraits): string | undefined {
  if (tag !== undefined && attachment.test(tag)) return `the tag ${tag} holds what belongs to another image, such as a signature`;
  if (artifactType && !imageConfigs.has(artifactType)) return `it is an artifact (${artifactType})`;
  if (config && !imageConfigs.has(config)) return `its configuration is no image's (${config})`;
  if (layers?.length === 0) return "it has no layers";
  const isLayer = (type: string | undefined) => type === undefined || imageLayers.some((start) => type.startsWith(start));
  return layers && !layers.some(isLayer) ? `its layers are no file systems (${layers[0]})` : undefined;
}
