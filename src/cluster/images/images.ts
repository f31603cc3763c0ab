import { formatImageName, type ImageName } from "../../core/images/image-name.ts";
import { type ImageReference, withDigest } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { ApiError } from "../api/api-error.ts";
import { isRefused } from "../api/retrying.ts";
import { asClusterError } from "../api/trouble.ts";
import type { StreamSighting } from "../cluster.ts";
import type { WatchedNamespaces } from "../watched-namespaces.ts";
import { digestOfTag, type ImageStream, imageOfDigest, imageOfTag, readImageStream } from "./image-streams.ts";
import type { ImageStreams } from "./image-streams-api.ts";
import type { RegistryHosts } from "./registry-hosts.ts";
import { askStreams } from "./registry-route.ts";

/**
 * Every tag's newest image in one namespace after the other; `undefined`: the whole cluster. A namespace that cannot be read
 * causes a `JobError` at the end, after the others.
 */
export async function* listImages(
  streams: ImageStreams,
  namespaces: Pick<WatchedNamespaces, "list" | "isExcluded">,
  signal: AbortSignal,
): AsyncGenerator<StreamSighting> {
  let refusal: JobError | undefined;
  const read = async (stream: ImageStream) =>
    namespaces.isExcluded(stream.metadata?.namespace ?? "") ? [] : readImageStream(stream);
  const places = await namespaces.list(signal).catch((error: unknown) => {
    throw asClusterError(error, { verb: "list", resource: "namespaces", namespace: undefined });
  });
  for (const namespace of places) {
    try {
      for await (const sightings of streams.list(namespace, read, signal)) yield* sightings;
    } catch (error) {
      const told = asClusterError(error, { verb: "list", resource: "imagestreams", namespace });
      if (!isRefused(error, "Forbidden")) throw told;
      refusal ??= told;
    }
  }
  if (refusal) throw refusal;
}

/**
 * The pull reference that an image name means. A tag in the cluster's own registry is pinned by what its image stream knows; where the stream
 * cannot be read, it stays a tag. Throws `JobError`.
 */
export async function resolveImage(
  streams: ImageStreams,
  hosts: RegistryHosts,
  image: ImageName,
  at: string | undefined,
  signal: AbortSignal,
): Promise<ImageReference> {
  if (image.kind !== "reference") return resolveStreamName(streams, image, at, signal);
  const { registry, repository } = image.reference;
  // Clusters before 3.11 name their registry by address, which only its image streams tell from anybody's.
  const isOpen = () => hosts.mayOwn(registry);
  if (isOpen()) await askStreams(streams, repository.split("/")[0] ?? "", () => !isOpen(), signal);
  return hosts.owns(registry) ? pin(streams, image.reference, at, signal) : image.reference;
}

async function pin(
  streams: ImageStreams,
  reference: ImageReference,
  at: string | undefined,
  signal: AbortSignal,
): Promise<ImageReference> {
  const [namespace, name, ...more] = reference.repository.split("/");
  if (reference.digest || !namespace || !name || more.length > 0) return reference;
  try {
    const stream = await streams.get(namespace, name, signal);
    const digest = digestOfTag(stream, reference.tag ?? "latest", at);
    return digest ? withDigest(reference, digest) : reference;
  } catch (error) {
    if (isRefused(error, "Forbidden", "NotFound", "NotServed")) return reference;
    throw asClusterError(error, { verb: "get", resource: "imagestreams", namespace });
  }
}

async function resolveStreamName(
  streams: ImageStreams,
  image: Exclude<ImageName, { kind: "reference" }>,
  at: string | undefined,
  signal: AbortSignal,
): Promise<ImageReference> {
  const { namespace } = image;
  const stream = await streams.get(namespace, image.stream, signal).catch((error: unknown) => {
    if (error instanceof ApiError && error.fault === "NotFound") throw leadsNowhere(image, "there is no such image stream");
    throw asClusterError(error, { verb: "get", resource: "imagestreams", namespace });
  });
  const found = image.kind === "stream-tag" ? imageOfTag(stream, image.tag, at) : imageOfDigest(stream, image.digest);
  if ("because" in found) throw leadsNowhere(image, found.because);
  return found.image;
}

function leadsNowhere(image: ImageName, because: string): JobError {
  return new JobError("ImageNotFound", `${formatImageName(image)} does not lead to an image: ${because}`);
}
