import { isImageConfig } from "../../core/images/image-kind.ts";
import { type Digest, isDigest } from "../../core/images/image-reference.ts";

export interface LayerDescriptor {
  readonly digest: Digest;
  readonly size: number;
  /** Why it is not read, for people. */
  readonly skipped?: string;
}

interface PlatformManifest {
  readonly digest: Digest;
  readonly platform: string;
}

/** What a manifest means for reading packages. */
export type DescribedManifest =
  | { readonly kind: "image"; readonly config: Digest; readonly layers: readonly LayerDescriptor[] }
  | { readonly kind: "index"; readonly platforms: readonly PlatformManifest[]; readonly reasons: readonly string[] }
  | { readonly kind: "unreadable"; readonly reason: string };

const mostLayers = 1_000;
const mostPlatforms = 50;

const indexTypes = ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/** Reads a manifest (image-spec v1.1: manifest.md, image-index.md). Never throws. Anything else is `unreadable`, with a reason for people. */
export function describeManifest(mediaType: string, bytes: Buffer): DescribedManifest {
  const fields = parse(bytes);
  if (!fields) return unreadable("its manifest is no JSON object");
  if (mediaType.includes("distribution.manifest.v1+") || fields.schemaVersion === 1) {
    return unreadable(
      "it is an image of the old schema 1, which names no layers by their contents: push it again with a present client",
    );
  }
  if (Array.isArray(fields.manifests)) return describeIndex(fields.manifests.map(asObject));
  const config = asObject(fields.config);
  const type = textOf(fields.artifactType) ?? textOf(config.mediaType);
  if (!isImageConfig(textOf(config.mediaType) ?? "none"))
    return unreadable(`it is no container image but an artifact (${type ?? "of no type"})`);
  if (!isDigest(config.digest) || !Array.isArray(fields.layers))
    return unreadable("its manifest names no configuration or no layers");
  return describeImage(config.digest, fields.layers.map(asObject));
}

/** The platform in an image's configuration or an index's entry: `os/architecture[/variant]`. */
export function platformOf(fields: Readonly<Record<string, unknown>>): string | undefined {
  const parts = [fields.os, fields.architecture, fields.variant].map(textOf);
  return parts[0] && parts[1] ? parts.filter(Boolean).join("/") : undefined;
}

function describeImage(config: Digest, entries: readonly Fields[]): DescribedManifest {
  const layers = entries.map(describeLayer);
  const readable = layers.filter((layer) => layer !== undefined);
  if (readable.length < layers.length) return unreadable("its manifest names a layer without a digest");
  if (layers.length > mostLayers) return unreadable(`it has more than ${mostLayers} layers`);
  return { kind: "image", config, layers: readable };
}

function describeLayer({ digest, size, mediaType }: Fields): LayerDescriptor | undefined {
  if (!isDigest(digest)) return undefined;
  const type = textOf(mediaType) ?? "";
  const skipped = type.endsWith("+encrypted")
    ? "it is encrypted"
    : /nondistributable|foreign/.test(type)
      ? "it is foreign: its registry does not hold it"
      : undefined;
  return { digest, size: typeof size === "number" && size >= 0 ? size : 0, ...(skipped && { skipped }) };
}

function describeIndex(entries: readonly Fields[]): DescribedManifest {
  const platforms: PlatformManifest[] = [];
  const reasons: string[] = [];
  for (const { digest, platform, mediaType, annotations, artifactType } of entries) {
    const named = platformOf(asObject(platform));
    // An index also contains attestations and other artifacts about its images. What is for a platform runs there, whatever else is said of it.
    const isAttached = artifactType !== undefined || "vnd.docker.reference.type" in asObject(annotations);
    const isAttachment = named === "unknown/unknown" || (named === undefined && isAttached);
    if (isAttachment || !isDigest(digest)) continue;
    if (indexTypes.includes(textOf(mediaType) ?? "")) reasons.push(`an index within the index is not read (${digest})`);
    else if (platforms.length >= mostPlatforms) reasons.push(`it has more than ${mostPlatforms} platforms`);
    else platforms.push({ digest, platform: named ?? "" });
  }
  if (platforms.length === 0) return unreadable(reasons[0] ?? "its index names no image");
  return { kind: "index", platforms, reasons: [...new Set(reasons)] };
}

type Fields = Readonly<Record<string, unknown>>;

function unreadable(reason: string): DescribedManifest {
  return { kind: "unreadable", reason };
}

function parse(bytes: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

export function asObject(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= 200 ? value : undefined;
}
