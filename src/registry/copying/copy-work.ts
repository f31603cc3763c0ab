import { type ImageReference, repositoryOf, withDigest } from "../../core/images/image-reference.ts";
import type { PushTarget } from "../../core/images/push-target.ts";
import type { TagMemory } from "../../core/images/tag-memory.ts";
import { createTurns } from "../../core/turns.ts";
import type { Manifest } from "../reading/distribution.ts";
import { blameSilence, usualPatience } from "../skopeo/silence.ts";
import type { Skopeo } from "../skopeo/skopeo.ts";
import { failedAt } from "../skopeo/skopeo-errors.ts";
import { type CopyRequest, type Journey, type JourneyParts, prepareJourney, skopeoCopy } from "./journey.ts";
import { createLayerSchedule } from "./layer-schedule.ts";
import { createPresence } from "./presence.ts";
import { createSharedWork } from "./shared-work.ts";
import { keepTag, moveTag, type TagPlace } from "./tags.ts";

export interface CopyWorkParts extends JourneyParts {
  readonly skopeo: Skopeo;
  readonly memory: TagMemory;
  /** Milliseconds without a byte after which a copy is stopped. Default: a minute. */
  readonly patience?: number | undefined;
}

export interface Delivery {
  readonly image: ImageReference;
  readonly outcome: "copied" | "present" | "shared";
  readonly bytes?: number;
}

export interface CopyWork {
  /** Makes sure that an image is in the push registry, with its tags. Throws `JobError`. */
  deliver(request: CopyRequest, signal: AbortSignal): Promise<Delivery>;
}

interface Brought extends Pick<Delivery, "outcome" | "bytes"> {
  readonly manifest?: Manifest | undefined;
}

/** After which share of a silent copy's limit others no longer wait for its layers, and how long they wait at most. */
const stuckShare = 15;
const waitShare = 3;
/** Below this many bytes a layer costs less than waiting for it. */
const smallLayer = 128;

/**
 * Copies each image once: not if it is there, not while another job copies it, and its layers not while another copy transfers them. The bot's own
 * requests only save work. Only skopeo decides that a copy is impossible.
 */
export function createCopyWork(parts: CopyWorkParts): CopyWork {
  const { skopeo, limits, memory, patience = usualPatience } = parts;
  const schedule = createLayerSchedule(parts.clock, patience / waitShare);
  const sharedCopies = createSharedWork<Brought>();
  const tagging = createTurns();
  const presence = createPresence();

  return {
    async deliver(request, signal) {
      const journey = await prepareJourney(parts, request, signal);
      const { source, target } = journey;
      const key = JSON.stringify([repositoryOf(source), source.digest, target.repository, request.from, request.to]);
      const { result, shared } = await sharedCopies.run(key, signal, (copySignal) => bring(journey, copySignal));
      const { manifest, ...brought } = result;
      const place = placeOf({ ...journey, manifest: journey.manifest ?? manifest }, signal);
      // One after another: a tag goes to the latest completion, and a registry on a plain file system answers 500 if a manifest is read while its tags are written.
      await tagging.run(place.name, () => setTags(place, journey, brought.outcome, signal));
      const image = withDigest({ registry: target.registry, repository: target.repository, ...tagOf(target) }, source.digest);
      return { image, ...brought, ...(shared && { outcome: "shared" as const }) };
    },
  };

  /** Moving tags come last, when the copy is there and has its fixed tag. */
  async function setTags(place: TagPlace, { target, completedAt }: Journey, outcome: Delivery["outcome"], signal: AbortSignal) {
    const moving = target.tags.slice(0, -1);
    const last = lastOf(target);
    if (outcome === "present") await keepTag(place, last, signal);
    // A new copy without a known time counts as earlier than every other copy.
    const since = completedAt ?? (outcome === "copied" ? 0 : undefined);
    for (const tag of moving) await moveTag(place, tag, { memory, completedAt: since }, signal);
  }

  async function bring(journey: Journey, signal: AbortSignal): Promise<Brought> {
    const { target } = journey;
    const { isThere, known } = await presence.lookUp(journey, signal);
    if (isThere) return { outcome: "present" };
    const layers = (known?.blobs ?? []).filter(({ size }) => size >= smallLayer).map(({ digest }) => digest);
    const bytes = known?.blobs.reduce((sum, { size }) => sum + size, 0);
    const withManifest = { ...journey, manifest: known?.manifest, bytes };
    const arrival = presence.expect(journey, signal);
    await schedule.run(target.registry, layers, signal, (stuck) =>
      runSkopeo(withManifest, lastOf(target), signal, stuck, arrival.ask),
    );
    await arrival.assert();
    return { outcome: "copied", manifest: known?.manifest, ...(known?.manifest.kind === "image" && { bytes }) };
  }

  function placeOf(journey: Journey, signal: AbortSignal): TagPlace {
    const { toRegistry: send, source, target, manifest, note } = journey;
    const name = `${target.registry}/${target.repository}`;
    return { send, name, digest: source.digest, manifest, note, otherwise: (tag) => runSkopeo(journey, tag, signal) };
  }

  function runSkopeo(journey: Journey, tag: string, signal: AbortSignal, stuck = ignore, pushed = ignore): Promise<void> {
    const { source, target, started } = journey;
    const hosts = { source: source.registry, destination: target.registry };
    return limits.run(hosts, signal, (place) => {
      started();
      const quiet = (milliseconds: number) => {
        place.quiet();
        if (milliseconds >= patience / stuckShare) stuck();
      };
      const copy = skopeo.copy(skopeoCopy(journey, tag, parts), signal, { quiet, moving: place.moving, pushed });
      return limits.heed(blameSilence(copy, hosts, limits, patience), (error) =>
        failedAt(error, { source, destination: target }),
      );
    });
  }
}

const ignore = () => {};

/** The tag that names the digest. */
function lastOf({ tags }: PushTarget): string {
  return tags.at(-1) ?? "";
}

function tagOf({ tags }: PushTarget): { tag?: string } {
  const [tag] = tags;
  return tag ? { tag } : {};
}
