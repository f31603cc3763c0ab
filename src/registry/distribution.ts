import { createHash } from "node:crypto";
import { JobError } from "../core/errors.ts";
import { type Digest, isDigest } from "../core/image-reference.ts";
import type { SendToRegistry } from "./registry-http.ts";

/** A manifest as the registry holds it: its digest is that of these very bytes. */
export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** A part of an image, with its size in bytes. */
export interface Blob {
  readonly digest: string;
  readonly size: number;
}

const accepted = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
].join(", ");

const headers = { Accept: accepted };

/** The digest a registry has a manifest under, asked by tag or digest; undefined when it has none. */
export async function headManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Digest | undefined> {
  const answer = await send({ method: "HEAD", path: `manifests/${reference}`, headers }, signal);
  if (answer.status === 404) return undefined;
  const digest = answer.header("docker-content-digest");
  if (isDigest(digest)) return digest;
  return isDigest(reference) ? reference : (await getManifest(send, reference, signal)).digest;
}

/** A manifest by tag or digest. Throws `JobError("ImageNotFound")`. */
export async function getManifest(send: SendToRegistry, reference: string, signal: AbortSignal): Promise<Manifest> {
  const { status, body, header } = await send({ method: "GET", path: `manifests/${reference}`, headers }, signal);
  if (status === 404) throw new JobError("ImageNotFound", `The registry has no manifest ${reference} there`);
  const announced = header("docker-content-digest");
  const digest: Digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
  const expected = isDigest(reference) ? reference : announced;
  // A schema 1 manifest's digest is that of its unsigned form, which is not in these bytes.
  const mediaType = header("content-type") ?? "";
  if (expected !== undefined && digest !== expected && !mediaType.includes("manifest.v1")) {
    throw new JobError("CopyFailed", `The registry answered the manifest ${reference} with other contents`);
  }
  return { digest: isDigest(expected) ? expected : digest, mediaType, bytes: body };
}

/** Gives a manifest that lies in the repository a further tag. */
export async function tagManifest(send: SendToRegistry, tag: string, manifest: Manifest, signal: AbortSignal): Promise<void> {
  const request = {
    method: "PUT" as const,
    path: `manifests/${tag}`,
    headers: { "Content-Type": manifest.mediaType },
    body: manifest.bytes,
  };
  const { status } = await send(request, signal);
  if (status === 404) throw new JobError("CopyFailed", `The push registry does not take the tag ${tag}: it answered 404`);
}

/** The blobs of an image, those of all platforms for an index, each once. */
export async function readBlobs(send: SendToRegistry, manifest: Manifest, signal: AbortSignal): Promise<readonly Blob[]> {
  const { layers, config, fsLayers, manifests } = parseManifest(manifest);
  const own = [...(layers ?? []), ...(config ? [config] : []), ...(fsLayers ?? []).map(({ blobSum }) => ({ digest: blobSum }))];
  const blobs = new Map(own.flatMap((blob) => (blob.digest ? [[blob.digest, sized(blob)]] : [])));
  for (const { digest } of manifests ?? []) {
    if (!isDigest(digest)) continue;
    const child = await getManifest(send, digest, signal);
    for (const blob of await readBlobs(send, child, signal)) blobs.set(blob.digest, blob);
  }
  return [...blobs.values()];
}

interface Descriptor {
  readonly digest?: string;
  readonly size?: number;
}

interface ManifestFields {
  readonly layers?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly fsLayers?: readonly { readonly blobSum?: string }[];
  readonly manifests?: readonly Descriptor[];
}

function sized({ digest, size }: Descriptor): Blob {
  return { digest: digest ?? "", size: typeof size === "number" ? size : 0 };
}

function parseManifest({ bytes, digest }: Manifest): ManifestFields {
  try {
    return JSON.parse(bytes.toString("utf8")) as ManifestFields;
  } catch {
    throw new JobError("CopyFailed", `The manifest ${digest} is no JSON`);
  }
}
