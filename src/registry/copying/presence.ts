import { type Digest, repositoryOf } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { ifUnderstood } from "../own-requests.ts";
import { findManifest, getManifest, type Manifest, proveManifest } from "../reading/distribution.ts";
import { assertImage, type Descriptor, readManifest } from "../reading/manifest.ts";
import { RegistryVerdict } from "../trust/verdict.ts";
import type { Journey } from "./journey.ts";

/** An image as its source has it. */
export interface Sourced {
  readonly manifest: Manifest;
  readonly blobs: readonly Descriptor[];
}

/** Whether images are in the push registry, by its own word. */
export interface Presence {
  /** Before a copy: whether it is there, else what its source says of it. */
  lookUp(journey: Journey, signal: AbortSignal): Promise<{ readonly isThere: boolean; readonly known?: Sourced | undefined }>;
  /** For a copy that begins. */
  expect(journey: Journey, signal: AbortSignal): Arrival;
}

/** Whether a copy has arrived. */
export interface Arrival {
  /** Asks the registry already, when skopeo has pushed the image but has not ended. */
  ask(): void;
  /** After the copy. Throws a `JobError` when the registry answers that it is not there; no other answer undoes the copy. */
  assert(): Promise<void>;
}

/** Why an early look at the source ends. */
const left = new Error("the image is not looked for any more");

export function createPresence(): Presence {
  /** Push registries whose HEAD has shown an image, so that it is believed when it shows none. */
  const truthful = new Set<string>();
  /** Push registries that did not have the last image, so that they hardly have the next one. */
  const lacking = new Set<string>();

  return {
    async lookUp(journey, signal) {
      const { toRegistry, source, target } = journey;
      const leaving = new AbortController();
      const read = () => ifUnderstood(readSource(journey, AbortSignal.any([signal, leaving.signal])), undefined);
      const early = lacking.has(target.registry) ? read() : undefined;
      // It counts only if the image is missing.
      early?.catch(() => {});
      try {
        if (await ifUnderstood(proveManifest(toRegistry, source.digest, signal), undefined)) return present(target.registry);
        // If HEAD does not find it, it is rarely there. While GET confirms that, the source answers as well.
        const [found, known] = await Promise.all([
          truthful.has(target.registry) ? undefined : ifUnderstood(findManifest(toRegistry, source.digest, signal), undefined),
          early ?? read(),
        ]);
        if (found) return present(target.registry);
        lacking.add(target.registry);
        return { isThere: false, known };
      } finally {
        leaving.abort(left);
      }
    },
    expect({ toRegistry, source: { digest, ...source }, target }, signal) {
      let asked: Promise<Digest | undefined> | undefined;
      const ask = () => {
        asked ??= unlessJudged(proveManifest(toRegistry, digest, signal), undefined);
        // It counts only if skopeo ends well.
        asked.catch(() => {});
        return asked;
      };
      return {
        ask,
        // skopeo takes every answer below 400 for success, and a page that stands in for a registry often has 200.
        async assert() {
          const proven = await ask();
          if (proven) truthful.add(target.registry);
          if (proven ?? (await unlessJudged(findManifest(toRegistry, digest, signal), digest))) return;
          const what = `${repositoryOf(source)}@${digest} to ${target.registry}/${target.repository}`;
          throw new JobError("CopyFailed", `skopeo said that it copied ${what}, but it is not there`, { host: target.registry });
        },
      };
    },
  };

  function present(registry: string): { readonly isThere: true } {
    lacking.delete(registry);
    return { isThere: true };
  }
}

/** The answer; the given one where there is none that can be used. */
async function unlessJudged<T>(asked: Promise<T>, otherwise: T): Promise<T> {
  return asked.catch((error: unknown) => {
    if (!(error instanceof JobError) || error instanceof RegistryVerdict) throw error;
    return otherwise;
  });
}

/** The blobs of an image. For an index they are left to skopeo, because each of its images would be read twice. */
async function readSource({ fromRegistry, source, manifest: known }: Journey, signal: AbortSignal): Promise<Sourced> {
  const manifest = known ?? (await getManifest(fromRegistry, source.digest, signal));
  assertImage(manifest);
  const { config, layers } = readManifest(manifest);
  return { manifest, blobs: [...new Map([...layers, ...(config ? [config] : [])].map((blob) => [blob.digest, blob])).values()] };
}
