import { JobError } from "../core/errors.ts";
import { type Digest, type ImageReference, repositoryOf, withDigest } from "../core/image-reference.ts";
import { type PushRules, type PushTarget, pushTarget } from "../core/push-target.ts";
import { createTurns } from "../core/turns.ts";
import type { RegistryLogin } from "./credentials.ts";
import { getManifest, headManifest, type Manifest } from "./distribution.ts";
import type { HostLimits } from "./host-limits.ts";
import type { HostTrust } from "./host-trust.ts";
import { AnswerFailure } from "./http-failures.ts";
import { createLayerSchedule } from "./layer-schedule.ts";
import { type Descriptor, readManifest } from "./manifest.ts";
import type { RegistryHttp, SendToRegistry } from "./registry-http.ts";
import { createSharedWork } from "./shared-work.ts";
import type { Skopeo } from "./skopeo.ts";
import { failedAt } from "./skopeo-errors.ts";
import { addMissingTags, addTag, type TagPlace } from "./tags.ts";
import { RegistryVerdict } from "./verdict.ts";

export interface CopyWorkParts {
  readonly rules: PushRules;
  readonly sourceVerifyTls: boolean;
  readonly destinationVerifyTls: boolean;
  readonly skopeo: Skopeo;
  readonly http: RegistryHttp;
  readonly limits: HostLimits;
  readonly trust: Pick<HostTrust, "judgeSource">;
}

/** What one attempt uses, read just before. */
export interface Logins {
  readonly from: RegistryLogin | undefined;
  readonly to: RegistryLogin | undefined;
  readonly certificates: string;
}

export interface CopyRequest extends Logins {
  readonly source: ImageReference;
  /** Told when skopeo begins. */
  readonly started: () => void;
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

/** One image on its way: both repositories, and what is known of it. */
interface Journey extends CopyRequest {
  readonly source: ImageReference & { readonly digest: Digest };
  readonly target: PushTarget;
  readonly fromRegistry: SendToRegistry;
  /** What was read to learn the digest of a tag. */
  readonly manifest: Manifest | undefined;
  readonly toRegistry: SendToRegistry;
}

type Brought = Pick<Delivery, "outcome" | "bytes">;

/** Below this many bytes a layer costs less than waiting for it. */
const smallLayer = 128;

/**
 * Copies each image once: not when it is there, not while another job copies it, and its layers not while another copy carries them. What the bot
 * asks a registry itself only saves work; that a copy is impossible for good is for skopeo to say.
 */
export function createCopyWork(parts: CopyWorkParts): CopyWork {
  const { rules, skopeo, http, limits, trust } = parts;
  const open = withinLimits(http, limits);
  const schedule = createLayerSchedule();
  const sharedCopies = createSharedWork<Brought>();
  const tagging = createTurns();

  return {
    async deliver(request, signal) {
      const journey = await prepare(request, signal);
      const { source, target } = journey;
      const key = JSON.stringify([repositoryOf(source), source.digest, target.repository, request.from, request.to]);
      const { result, shared } = await sharedCopies.run(key, signal, (copySignal) => bring(journey, copySignal));
      // A registry on a plain file system answers 500 to who reads a manifest while another writes its tags.
      if (shared)
        await tagging.run(`${target.registry}/${target.repository}`, () => addMissingTags(placeOf(journey, signal), signal));
      const image = withDigest({ ...placeIn(target), ...tagOf(target) }, source.digest);
      return { image, ...result, ...(shared && { outcome: "shared" as const }) };
    },
  };

  async function prepare(request: CopyRequest, signal: AbortSignal): Promise<Journey> {
    const { source, from, to, certificates } = request;
    const { registry, repository } = source;
    trust.judgeSource(registry);
    const verify = { from: parts.sourceVerifyTls, to: parts.destinationVerifyTls };
    const fromRegistry = open({ registry, repository, actions: "pull", login: from, verifyTls: verify.from, certificates });
    const manifest = source.digest ? undefined : await getManifest(fromRegistry, source.tag ?? "latest", signal);
    const digest = source.digest ?? (manifest as Manifest).digest;
    const target = pushTarget(source, digest, rules);
    const toRegistry = open({ ...placeIn(target), actions: "pull,push", login: to, verifyTls: verify.to, certificates });
    return { ...request, source: { ...source, digest }, target, fromRegistry, toRegistry, manifest };
  }

  async function bring(journey: Journey, signal: AbortSignal): Promise<Brought> {
    const { target } = journey;
    const place = placeOf(journey, signal);
    if (await unlessDecided(isPresent(place, signal), false)) return { outcome: "present" };
    const known = await unlessDecided(readSource(journey, signal), undefined);
    const layers = (known?.blobs ?? []).filter(({ size }) => size >= smallLayer).map(({ digest }) => digest);
    const [first = "", ...further] = target.tags;
    await schedule.run(target.registry, layers, signal, () => runSkopeo(journey, first, signal));
    for (const tag of further) await addTag(place, tag, known?.manifest, signal);
    return {
      outcome: "copied",
      ...(known?.manifest.kind === "image" && { bytes: known.blobs.reduce((sum, { size }) => sum + size, 0) }),
    };
  }

  function placeOf(journey: Journey, signal: AbortSignal): TagPlace {
    const { toRegistry: send, source, target } = journey;
    return { send, digest: source.digest, tags: target.tags, otherwise: (tag) => runSkopeo(journey, tag, signal) };
  }

  function runSkopeo(journey: Journey, tag: string, signal: AbortSignal): Promise<void> {
    const { source, target, from, to, certificates, started } = journey;
    return limits.run([source.registry, target.registry], signal, () => {
      started();
      const copy = skopeo.copy(
        {
          source,
          destination: { ...placeIn(target), tag },
          from: { login: from, verifyTls: parts.sourceVerifyTls },
          to: { login: to, verifyTls: parts.destinationVerifyTls },
          certificates,
        },
        signal,
      );
      return limits.heed(copy, (error) => failedAt(error, { source, destination: target }));
    });
  }
}

/** Senders that leave a host alone while it asks for that. */
function withinLimits(http: RegistryHttp, limits: HostLimits): RegistryHttp["open"] {
  return (access) => {
    const send = http.open(access);
    return async (request, signal) => {
      await limits.pass([access.registry], signal);
      return limits.heed(send(request, signal), () => access.registry);
    };
  };
}

async function isPresent(place: TagPlace, signal: AbortSignal): Promise<boolean> {
  if ((await headManifest(place.send, place.digest, signal)) === undefined) return false;
  await addMissingTags(place, signal);
  return true;
}

/** The blobs of an image. Those of an index are left to skopeo: to learn them, each of its images would be read twice. */
async function readSource(
  { fromRegistry, source, manifest: known }: Journey,
  signal: AbortSignal,
): Promise<{ manifest: Manifest; blobs: readonly Descriptor[] }> {
  const manifest = known ?? (await getManifest(fromRegistry, source.digest, signal));
  const { config, layers } = readManifest(manifest);
  return { manifest, blobs: [...new Map([...layers, ...(config ? [config] : [])].map((blob) => [blob.digest, blob])).values()] };
}

/**
 * The work's result; where it fails, this one, and skopeo finds out in its own words. Only what the bot itself decided about a registry and one that
 * asks for patience (429, 503, `Retry-After`) hold a copy back.
 */
async function unlessDecided<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof JobError) || error instanceof RegistryVerdict || asksForPatience(error)) throw error;
    return otherwise;
  }
}

function asksForPatience(error: JobError): boolean {
  return (
    error.reason === "RateLimited" || error.retryAfter !== undefined || (error instanceof AnswerFailure && error.status === 503)
  );
}

function placeIn({ registry, repository }: PushTarget) {
  return { registry, repository };
}

function tagOf({ tags }: PushTarget): { tag?: string } {
  const [tag] = tags;
  return tag ? { tag } : {};
}
