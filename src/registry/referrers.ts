import type { Digest } from "../core/images/image-reference.ts";
import { JobError } from "../core/jobs/errors.ts";
import type { RegistryAnswer, SendToRegistry } from "./http/registry-http.ts";
import { parseJson } from "./reading/json.ts";

/** What belongs to an image, as its registry lists it (OCI image and distribution 1.1). */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const indexType = "application/vnd.oci.image.index.v1+json";
export const manifestType = "application/vnd.oci.image.manifest.v1+json";
/** Every type is accepted for a tag: some registries answer 404 if they only have another type. */
const anyManifest = [
  indexType,
  manifestType,
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

/** The tag for the list of referrers in a registry without the API. */
export function referrersTag(image: Digest): string {
  return image.replace(":", "-");
}

/**
 * Everything that belongs to an image: by the API, or by the tag without one. With a type, a registry can leave others out. Throws
 * `JobError`.
 */
export async function referrersOf(
  send: SendToRegistry,
  image: Digest,
  type: string | undefined,
  signal: AbortSignal,
): Promise<readonly Referrer[]> {
  const path = `referrers/${image}${type === undefined ? "" : `?artifactType=${encodeURIComponent(type)}`}`;
  const answer = await send({ method: "GET", path, headers: { Accept: indexType } }, signal).catch((error: unknown) => {
    // Old registries answer anything to an unknown path. The next request shows what is wrong.
    signal.throwIfAborted();
    if (error instanceof JobError) return undefined;
    throw error;
  });
  if (answer?.status === 200) {
    const listed = readList(answer);
    if (listed) return listed;
  }
  return (await tagList(send, image, signal)) ?? [];
}

/** The list under the tag; undefined when there is none. Throws `JobError` when the tag names something else. */
export async function tagList(
  send: SendToRegistry,
  image: Digest,
  signal: AbortSignal,
): Promise<readonly Referrer[] | undefined> {
  const answer = await send(
    { method: "GET", path: `manifests/${referrersTag(image)}`, headers: { Accept: anyManifest } },
    signal,
  );
  if (answer.status === 404) return undefined;
  const listed = readList(answer);
  if (!listed) {
    const what = `the tag ${referrersTag(image)}, where the list of what belongs to the image would be, names something else`;
    throw new JobError("CopyFailed", `Nothing can be attached: ${what}`, { retryable: false });
  }
  return listed;
}

function readList({ body }: RegistryAnswer): readonly Referrer[] | undefined {
  try {
    const { manifests, layers, config } = parseJson(body) as Record<string, unknown>;
    if (!Array.isArray(manifests) || layers !== undefined || config !== undefined) return undefined;
    return manifests.filter((entry): entry is Referrer => typeof entry?.digest === "string");
  } catch {
    return undefined;
  }
}
