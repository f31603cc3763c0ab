import type { Digest } from "../../core/images/image-reference.ts";
import type { TagMemory } from "../../core/images/tag-memory.ts";
import { asJobError, JobError } from "../../core/jobs/errors.ts";
import type { SendToRegistry } from "../http/registry-http.ts";
import { ifUnderstood } from "../own-requests.ts";
import { getManifest, headManifest, type Manifest, tagManifest } from "../reading/distribution.ts";
import { RegistryVerdict } from "../trust/verdict.ts";

/** A copy in its repository. */
export interface TagPlace {
  readonly send: SendToRegistry;
  /** `registry/repository`. */
  readonly name: string;
  readonly digest: Digest;
  /** The manifest as read from the source; else it is read here. */
  readonly manifest: Manifest | undefined;
  /** Sets a tag of this digest where the registry does not take it from us. */
  readonly otherwise: (tag: string) => Promise<void>;
  /** Called with a note about a tag that could not be set. */
  readonly note: (text: string) => void;
}

/** Sets the tag that always names this digest, if it is missing. If that fails there is only a note, because the copy is there. */
export async function keepTag(place: TagPlace, tag: string, signal: AbortSignal): Promise<void> {
  await noting(place, tag, signal, async () => {
    if ((await ifUnderstood(headManifest(place.send, tag, signal), undefined)) !== place.digest) await setTag(place, tag, signal);
  });
}

/**
 * Sets a tag that moves from image to image: for the latest completion that is known of it, and only for that. Without a time the tag is set where
 * there is none, and taken from no other image.
 */
export async function moveTag(
  place: TagPlace,
  tag: string,
  { memory, completedAt }: { readonly memory: TagMemory; readonly completedAt: number | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { send, digest, name } = place;
  await noting(place, tag, signal, async () => {
    if (completedAt === undefined) {
      if ((await headManifest(send, tag, signal)) === undefined) await setTag(place, tag, signal);
      return;
    }
    const latest = () => memory.latest(`${name}:${tag}`, { digest, completedAt });
    if ((await latest()) !== digest) return;
    if ((await ifUnderstood(headManifest(send, tag, signal), undefined)) !== digest) await setTag(place, tag, signal);
    // Another bot may have set the tag for a later completion between the two.
    const newest = await latest();
    if (newest !== digest) await tagManifest(send, tag, await getManifest(send, newest, signal), signal);
  });
}

/** One request. If the registry does not accept it, it is sent in the other way, unless its tags are immutable. */
async function setTag({ send, digest, name, manifest, otherwise }: TagPlace, tag: string, signal: AbortSignal): Promise<void> {
  const put = async () => tagManifest(send, tag, manifest ?? (await getManifest(send, digest, signal)), signal);
  try {
    await put();
  } catch (error) {
    if (signal.aborted || isImmutable(error, name)) throw error;
    await ifUnderstood(Promise.reject(error), undefined);
    await otherwise(tag);
    const shown = await ifUnderstood(headManifest(send, tag, signal), digest);
    if (shown !== digest) throw new JobError("CopyFailed", "the registry took it and does not show it");
  }
}

async function noting({ name, note }: TagPlace, tag: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (signal.aborted || error instanceof RegistryVerdict) throw error;
    const why = isImmutable(error, name) ? "the registry does not let tags move" : asJobError(error).message;
    note(`The tag ${tag} of ${name} was not set: ${why}. The copy is there by its digest.`);
  }
}

/** As ECR, Harbor, Quay, Artifactory, GitLab, Google, Nexus and Azure say it. */
const immutable =
  /immutab|overwrit|already exist|tag_?invalid|tag invalid|precondition|protected tag|does not allow updating|operation is disallowed/i;

/** What an image is called counts for nothing. */
function isImmutable(error: unknown, name: string): boolean {
  return immutable.test(asJobError(error).message.replaceAll(name.slice(name.indexOf("/") + 1), ""));
}
