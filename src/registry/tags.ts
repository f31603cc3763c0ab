import { JobError } from "../core/errors.ts";
import type { Digest } from "../core/image-reference.ts";
import { getManifest, headManifest, type Manifest, tagManifest } from "./distribution.ts";
import type { SendToRegistry } from "./registry-http.ts";

/** A copy in its repository, and the tags it is to have there. */
export interface TagPlace {
  readonly send: SendToRegistry;
  readonly digest: Digest;
  readonly tags: readonly string[];
  /** Sets a tag where the registry refuses it to us. */
  readonly otherwise: (tag: string) => Promise<void>;
}

/** Adds the tags that are not there. One that names another image is left to it: a newer copy set it. */
export async function addMissingTags(place: TagPlace, signal: AbortSignal): Promise<void> {
  for (const tag of place.tags) {
    if ((await headManifest(place.send, tag, signal)) === undefined) await addTag(place, tag, undefined, signal);
  }
}

/** Sets a tag by one request; when that is refused for good, in the other way. */
export async function addTag(place: TagPlace, tag: string, manifest: Manifest | undefined, signal: AbortSignal): Promise<void> {
  const { send, digest, otherwise } = place;
  try {
    await tagManifest(send, tag, manifest ?? (await getManifest(send, digest, signal)), signal);
  } catch (error) {
    if (!(error instanceof JobError) || error.retryable) throw error;
    await otherwise(tag);
  }
}
