import type { Digest } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { Referrer } from "../referrers.ts";
import type { ReadableImage } from "./image-reader.ts";
import { type Descriptor, type ManifestContent, readManifest } from "./manifest.ts";

/** A bill of materials attached to an image, not read yet. */
export interface AttachedDocument {
  /** Its type; absent if unknown. */
  readonly mediaType?: string;
  /** Its bytes, checked against their digest. Throws `JobError`, also if it is too long. */
  read(signal: AbortSignal): Promise<Buffer>;
}

/** The most bytes of a document; those of large images have ten million. */
const longestDocument = 32 * 1024 * 1024;
/** How many documents of one image are checked. */
const mostDocuments = 10;

/** The types of documents: the official ones, and older ones of tools. */
const artifactTypes = /cyclonedx|spdx|sbom/i;
/** JSON of CycloneDX or SPDX; cosign's first type of CycloneDX does not say which encoding it is. */
const documentTypes = /^(?:application|text)\/(?:vnd\.)?(?:cyclonedx|cyclonedx\+json|spdx\+json)$/;

/**
 * The bills of materials attached to an image, the newest first: referrers of OCI 1.1, by the API or its fallback tag, and what cosign
 * attached under its own tag (sigstore/cosign: specs/SBOM_SPEC.md). For an image for several platforms, also those of the first. Throws
 * `JobError` where the registry cannot be asked.
 */
export async function findAttachedDocuments(image: ReadableImage, signal: AbortSignal): Promise<readonly AttachedDocument[]> {
  const { tag, digest: pinned } = image.reference;
  const manifest = await image.manifest(pinned ?? tag ?? "latest", signal);
  const first = readManifest(manifest).children.find(({ platform }) => platform?.os !== "unknown");
  const found: AttachedDocument[] = [];
  for (const digest of [manifest.digest, ...(first ? [first.digest] : [])]) {
    for (const referrer of (await image.referrers(digest, signal)).filter(isDocument).toSorted(byAge).slice(0, mostDocuments))
      found.push(...(await documentsIn(image, referrer.digest as Digest, digest, signal)));
    found.push(...(await documentsIn(image, `${digest.replace(":", "-")}.sbom`, undefined, signal)));
  }
  return found.slice(0, mostDocuments);
}

/** A document that is known only by its blob's digest. */
export function namedDocument(image: ReadableImage, digest: Digest): AttachedDocument {
  return { read: (signal) => readBounded(image, { digest, size: 0 }, signal) };
}

function isDocument({ artifactType = "" }: Referrer): boolean {
  return artifactTypes.test(artifactType);
}

function byAge(one: Referrer, other: Referrer): number {
  const [a, b] = [one, other].map(({ annotations }) => Date.parse(annotations?.["org.opencontainers.image.created"] ?? ""));
  return (b || 0) - (a || 0);
}

/** The documents of an artifact; none if it is gone, broken, or belongs to another image. */
async function documentsIn(
  image: ReadableImage,
  reference: string,
  subject: Digest | undefined,
  signal: AbortSignal,
): Promise<readonly AttachedDocument[]> {
  const content = await contentOf(image, reference, signal);
  if (!content || (subject !== undefined && content.subject !== subject)) return [];
  return content.layers
    .filter(({ mediaType }) => documentTypes.test(mediaType ?? ""))
    .map((layer) => ({ mediaType: layer.mediaType ?? "", read: (its) => readBounded(image, layer, its) }));
}

async function contentOf(image: ReadableImage, reference: string, signal: AbortSignal): Promise<ManifestContent | undefined> {
  try {
    return readManifest(await image.manifest(reference, signal));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof JobError && !error.retryable) return undefined;
    throw error;
  }
}

async function readBounded(
  image: ReadableImage,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = size > longestDocument ? size : 0;
  const bytes = length > 0 ? [] : image.blob(digest, signal);
  for await (const chunk of bytes) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > longestDocument) break;
  }
  if (length <= longestDocument) return Buffer.concat(chunks);
  const limit = `${longestDocument / 1024 / 1024} MiB`;
  throw new JobError("CopyFailed", `The document ${digest} is longer than ${limit}`, { retryable: false });
}
