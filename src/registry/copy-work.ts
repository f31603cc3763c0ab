import { type ImageReference, repositoryOf, withDigest } from "../core/image-reference.ts";
import type { PushTarget } from "../core/push-target.ts";
import type { TagMemory } from "../core/tag-memory.ts";
import { createTurns } from "../core/turns.ts";
import { type CopyRequest, type Journey, type JourneyParts, prepareJourney, skopeoCopy } from "./journey.ts";
import { createLayerSchedule } from "./layer-schedule.ts";
import { ifUnderstood } from "./own-requests.ts";
import { findManifest, getManifest, type Manifest, proveManifest } from "./reading/distribution.ts";
import { assertImage, type Descriptor, readManifest } from "./reading/manifest.ts";
import { createSharedWork } from "./shared-work.ts";
import { blameSilence, usualPatience } from "./silence.ts";
import type { Skopeo } from "./skopeo.ts";
import { failedAt } from "./skopeo-errors.ts";
import { keepTag, moveTag, type TagPlace } from "./tags.ts";

export interface CopyWorkParts extends JourneyParts {
  readonly skopeo: Skopeo;
  readonly memory: TagMemory;
  /** Milliseconds without a byte after which a copy is ended. Default: a minute. */
  readonly patience?: number | undefined;
}

export interface Delivery {
  readonly image: ImageReference;
  readonly outcome: "copied" | "present" | "shared";
  readonly bytes?: number;
}

export interface CopyWork {
  /** Sees to it that an image lies in the push registry, with its tags. Throws `JobError`. */
  deliver(request: CopyRequest, signal: AbortSignal): Promise<Delivery>;
}

interface Brought extends Pick<Delivery, "outcome" | "bytes"> {
  readonly manifest?: Manifest | undefined;
}

/** Of the patience with a silent copy: after which share nobody waits any more for the layers it carries, and how long one waits at most. */
const stuckShare = 15;
const waitShare = 3;
/** Below this many bytes a layer costs less than waiting for it. */
const smallLayer = 128;

/**
 * Copies each image once: not when it is there, not while another job copies it, and its layers not while another copy carries them. What the bot
 * asks a registry itself only saves work; that a copy is impossible for good is for skopeo to say.
 */
export function createCopyWork(parts: CopyWorkParts): CopyWork {
  const { skopeo, limits, memory, patience = usualPatience } = parts;
  const schedule = createLayerSchedule(parts.clock, patience / waitShare);
  const sharedCopies = createSharedWork<Brought>();
  const tagging = createTurns();

  return {
    async deliver(request, signal) {
      const journey = await prepareJourney(parts, request, signal);
      const { source, target } = journey;
      const key = JSON.stringify([repositoryOf(source), source.digest, target.repository, request.from, request.to]);
      const { result, shared } = await sharedCopies.run(key, signal, (copySignal) => bring(journey, copySignal));
      const { manifest, ...brought } = result;
      const place = placeOf({ ...journey, manifest: journey.manifest ?? manifest }, signal);
      // One after another: a tag goes to the latest completion, and a registry on a plain file system answers 500 to who reads a manifest while another writes its tags.
      await tagging.run(place.name, () => setTags(place, journey, brought.outcome, signal));
      const image = withDigest({ registry: target.registry, repository: target.repository, ...tagOf(target) }, source.digest);
      return { image, ...brought, ...(shared && { outcome: "shared" as const }) };
    },
  };

  /** Tags that move come last, when the copy is there and has the tag that stays. */
  async function setTags(place: TagPlace, { target, completedAt }: Journey, outcome: Delivery["outcome"], signal: AbortSignal) {
    const moving = target.tags.slice(0, -1);
    const last = lastOf(target);
    if (outcome === "present") await keepTag(place, last, signal);
    // A new copy that nobody knows the time of is later than none, and earlier than every other.
    const since = completedAt ?? (outcome === "copied" ? 0 : undefined);
    for (const tag of moving) await moveTag(place, tag, { memory, completedAt: since }, signal);
  }

  async function bring(journey: Journey, signal: AbortSignal): Promise<Brought> {
    const { target } = journey;
    const { isThere, known } = await lookUp(journey, signal);
    if (isThere) return { outcome: "present" };
    const layers = (known?.blobs ?? []).filter(({ size }) => size >= smallLayer).map(({ digest }) => digest);
    const bytes = known?.blobs.reduce((sum, { size }) => sum + size, 0);
    const withManifest = { ...journey, manifest: known?.manifest, bytes };
    await schedule.run(target.registry, layers, signal, (stuck) => runSkopeo(withManifest, lastOf(target), signal, stuck));
    return {
      outcome: "copied",
      manifest: known?.manifest,
      ...(known?.manifest.kind === "image" && { bytes }),
    };
  }

  function placeOf(journey: Journey, signal: AbortSignal): TagPlace {
    const { toRegistry: send, source, target, manifest, note } = journey;
    const name = `${target.registry}/${target.repository}`;
    return { send, name, digest: source.digest, manifest, note, otherwise: (tag) => runSkopeo(journey, tag, signal) };
  }

  function runSkopeo(journey: Journey, tag: string, signal: AbortSignal, stuck = () => {}): Promise<void> {
    const { source, target, started } = journey;
    const hosts = { source: source.registry, destination: target.registry };
    return limits.run(hosts, signal, (place) => {
      started();
      const quiet = (milliseconds: number) => {
        place.quiet();
        if (milliseconds >= patience / stuckShare) stuck();
      };
      const copy = skopeo.copy(skopeoCopy(journey, tag, parts), signal, { quiet, moving: place.moving });
      return limits.heed(blameSilence(copy, hosts, limits, patience), (error) =>
        failedAt(error, { source, destination: target }),
      );
    });
  }
}

interface Sourced {
  readonly manifest: Manifest;
  readonly blobs: readonly Descriptor[];
}

/** Whether the push registry has an image, else what is known of it where it comes from. */
async function lookUp(
  journey: Journey,
  signal: AbortSignal,
): Promise<{ readonly isThere: boolean; readonly known?: Sourced | undefined }> {
  const { toRegistry, source } = journey;
  if (await ifUnderstood(proveManifest(toRegistry, source.digest, signal), undefined)) return { isThere: true };
  // What HEAD does not show is rarely there: by the time GET has said so, the source has answered as well.
  const [found, known] = await Promise.all([
    ifUnderstood(findManifest(toRegistry, source.digest, signal), undefined),
    ifUnderstood(readSource(journey, signal), undefined),
  ]);
  return { isThere: found !== undefined, known };
}

/** The blobs of an image. Those of an index are left to skopeo: to learn them, each of its images would be read twice. */
async function readSource({ fromRegistry, source, manifest: known }: Journey, signal: AbortSignal): Promise<Sourced> {
  const manifest = known ?? (await getManifest(fromRegistry, source.digest, signal));
  assertImage(manifest);
  const { config, layers } = readManifest(manifest);
  return { manifest, blobs: [...new Map([...layers, ...(config ? [config] : [])].map((blob) => [blob.digest, blob])).values()] };
}

/** The tag that names the digest. */
function lastOf({ tags }: PushTarget): string {
  return tags.at(-1) ?? "";
}

function tagOf({ tags }: PushTarget): { tag?: string } {
  const [tag] = tags;
  return tag ? { tag } : {};
}
