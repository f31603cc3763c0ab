import { whyNoImage } from "../../core/images/image-kind.ts";
import { type Digest, isDigest } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { RegistryVerdict } from "../trust/verdict.ts";
import { parseJson } from "./json.ts";

/** `index`: names the images of several platforms; `image`: names blobs; `schema1`: Docker's first format, whose digest leaves its signatures out. */
export type ManifestKind = "index" | "image" | "schema1";

/** A blob or a manifest as another manifest names it; the size is in bytes. */
export interface Descriptor {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string | undefined;
  readonly annotations: Readonly<Record<string, unknown>>;
  /** For a child of an index. */
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
}

/** What a manifest names. */
export interface ManifestContent {
  /** The artifact's type, if it is not a container image (OCI 1.1). */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  /** The images of an index. */
  readonly children: readonly Descriptor[];
  /** The manifest it belongs to, if it is a referrer (OCI 1.1). */
  readonly subject?: Digest;
}

const kinds: ReadonlyMap<string, ManifestKind> = new Map<string, ManifestKind>([
  ["application/vnd.oci.image.index.v1+json", "index"],
  ["application/vnd.docker.distribution.manifest.list.v2+json", "index"],
  ["application/vnd.oci.image.manifest.v1+json", "image"],
  ["application/vnd.docker.distribution.manifest.v2+json", "image"],
  ["application/vnd.oci.artifact.manifest.v1+json", "image"],
  ["application/vnd.docker.distribution.manifest.v1+prettyjws", "schema1"],
  ["application/vnd.docker.distribution.manifest.v1+json", "schema1"],
]);

/** The most images of an index and layers of an image; no build makes more. */
const mostParts = 1_000;

/** The kind of manifest for a media type, without its parameters; undefined for other types. */
export function kindOfManifest(mediaType: string | undefined): ManifestKind | undefined {
  return kinds.get(bareType(mediaType));
}

/** The kind of a manifest, by its content type, else by its own media type. Throws `JobError("CopyFailed")` if it is not a manifest. */
export function describeManifest(
  bytes: Buffer,
  contentType: string | undefined,
  name: string,
): { readonly kind: ManifestKind; readonly mediaType: string } {
  const fields = readObject(bytes, name);
  const own = typeof fields.mediaType === "string" ? fields.mediaType : undefined;
  const mediaType = [contentType, own, impliedType(fields)].map(bareType).find((type) => kinds.has(type));
  const kind = kindOfManifest(mediaType);
  if (mediaType === undefined || kind === undefined) throw malformed(name, "it is not the manifest of an image");
  // Only schema 1 is not checked, so nothing else may be mistaken for it.
  if ((kind === "schema1") !== (fields.schemaVersion === 1)) throw malformed(name, "it is not what its media type says");
  return { kind, mediaType };
}

/** What a manifest names. Throws `JobError("CopyFailed")` that says what is wrong with it. */
export function readManifest({ bytes, digest, kind }: { bytes: Buffer; digest: string; kind: ManifestKind }): ManifestContent {
  const fields = readObject(bytes, digest);
  const list = (name: "layers" | "manifests" | "fsLayers" | "blobs") => {
    const value = fields[name] ?? [];
    if (!Array.isArray(value)) throw malformed(digest, `${name} is no list`);
    if (value.length > mostParts) throw malformed(digest, `${name} has more than ${mostParts} entries`);
    return value as readonly unknown[];
  };
  if (kind === "schema1") {
    const layers = list("fsLayers").map((layer) =>
      readDescriptor({ digest: (layer as { blobSum?: unknown } | null)?.blobSum }, digest),
    );
    return { artifactType: undefined, annotations: {}, config: undefined, layers, children: [] };
  }
  const artifactType = typeof fields.artifactType === "string" ? fields.artifactType : undefined;
  const subject = asObject(fields.subject)?.digest;
  return {
    artifactType,
    annotations: asObject(fields.annotations) ?? {},
    ...(isDigest(subject) && { subject }),
    config: fields.config === undefined || fields.config === null ? undefined : readDescriptor(fields.config, digest),
    layers: [...list("layers"), ...list("blobs")].map((layer) => readDescriptor(layer, digest)),
    children: list("manifests").map((child) => readDescriptor(child, digest)),
  };
}

function readDescriptor(value: unknown, name: string): Descriptor {
  const { digest, size, mediaType, annotations, platform } = asObject(value) ?? {};
  if (!isDigest(digest)) throw malformed(name, "it names a part without a sha256 digest");
  if (size !== undefined && !(Number.isSafeInteger(size) && (size as number) >= 0)) throw malformed(name, "a size is no number");
  return {
    digest,
    size: (size as number | undefined) ?? 0,
    mediaType: typeof mediaType === "string" ? mediaType : undefined,
    annotations: asObject(annotations) ?? {},
    ...(asObject(platform) && { platform: platform as NonNullable<Descriptor["platform"]> }),
  };
}

function readObject(bytes: Buffer, name: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    throw malformed(name, error instanceof SyntaxError ? "it is no JSON" : "it has more values than any manifest");
  }
  const fields = asObject(value);
  if (!fields) throw malformed(name, "it is no JSON object");
  return fields;
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

function impliedType(fields: Readonly<Record<string, unknown>>): string | undefined {
  if (fields.schemaVersion === 1) return "application/vnd.docker.distribution.manifest.v1+prettyjws";
  if (Array.isArray(fields.manifests)) return "application/vnd.oci.image.index.v1+json";
  return Array.isArray(fields.layers) && fields.config ? "application/vnd.oci.image.manifest.v1+json" : undefined;
}

function bareType(mediaType: string | undefined): string {
  return (mediaType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function malformed(name: string, why: string): JobError {
  return new JobError("CopyFailed", `The manifest ${name} is malformed: ${why}`, { retryable: false });
}

/** Throws `JobError("NotAnImage")` for a manifest that is known not to be a container image. */
export function assertImage({ kind, ...manifest }: { bytes: Buffer; digest: string; kind: ManifestKind }): void {
  if (kind === "schema1") return;
  const { artifactType, config, layers, children } = readManifest({ ...manifest, kind });
  const typesOf = (parts: readonly Descriptor[]) => parts.map(({ mediaType }) => mediaType);
  const parts = kind === "index" ? { children: typesOf(children) } : { config: config?.mediaType, layers: typesOf(layers) };
  const why = whyNoImage({ artifactType, ...parts });
  if (why !== undefined) throw new RegistryVerdict("NotAnImage", `${manifest.digest} is not a container image: ${why}`);
}
