import type { ImageLook } from "../../core/images/image-look.ts";
import { type Digest, type ImageReference, imageReferenceOf, isDigest, withDigest } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { Manifest } from "./distribution.ts";
import type { ReadableImage } from "./image-reader.ts";
import { parseJson } from "./json.ts";
import { assertImage, readManifest } from "./manifest.ts";

/** A configuration has a few kilobytes; longer ones are not searched for labels. */
const longestConfig = 1024 * 1024;

/** opencontainers/image-spec, annotations.md: builders write them into the manifest or into the configuration's labels. */
const baseName = "org.opencontainers.image.base.name";
const baseDigest = "org.opencontainers.image.base.digest";

/** Reads an image without its layers. Throws `JobError` if the registry does not answer, and `NotAnImage` for other things. */
export async function lookAt(image: ReadableImage, signal: AbortSignal, seeksBase = true): Promise<ImageLook> {
  const { tag, digest } = image.reference;
  const manifest = await image.manifest(digest ?? tag ?? "latest", signal).catch((error: unknown) => {
    if (error instanceof JobError && error.reason === "ImageNotFound") return undefined;
    throw error;
  });
  if (!manifest) return { kind: "absent" };
  assertImage(manifest);
  const base = seeksBase ? await findBase(image, manifest, signal) : undefined;
  const parts = manifest.kind === "index" ? readManifest(manifest).children.map(({ digest: part }) => part) : undefined;
  return { kind: "present", digest: manifest.digest, ...(base && { base }), ...(parts && { parts }) };
}

/** For an index, its own annotation counts, else that of the first platform's image. */
async function findBase(image: ReadableImage, manifest: Manifest, signal: AbortSignal): Promise<ImageReference | undefined> {
  const { annotations, config, children } = readManifest(manifest);
  const named = baseIn(annotations);
  if (named) return named;
  const child = children.find(({ platform }) => platform?.os !== "unknown");
  if (child) {
    const inner = await image.manifest(child.digest, signal);
    // No build makes an index within an index.
    return inner.kind === "image" ? findBase(image, inner, signal) : undefined;
  }
  return config && baseIn(await labelsOf(image, config.digest, signal));
}

async function labelsOf(image: ReadableImage, digest: Digest, signal: AbortSignal): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of image.blob(digest, signal)) {
    size += chunk.length;
    if (size > longestConfig) return undefined;
    chunks.push(chunk);
  }
  try {
    return (parseJson(Buffer.concat(chunks)) as { config?: { Labels?: unknown } } | null)?.config?.Labels;
  } catch {
    return undefined;
  }
}

/** The author of the image wrote this: a name that is not valid is ignored. */
function baseIn(labels: unknown): ImageReference | undefined {
  const { [baseName]: name, [baseDigest]: digest } = (labels ?? {}) as Readonly<Record<string, unknown>>;
  const base = name === "scratch" ? undefined : imageReferenceOf(name);
  return base && isDigest(digest) ? withDigest(base, digest) : base;
}
