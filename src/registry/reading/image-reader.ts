import type { Clock } from "../../core/clock.ts";
import { type Digest, formatImageReference, type ImageReference } from "../../core/images/image-reference.ts";
import { type HostLimits, inTurn } from "../copying/host-limits.ts";
import type { RegistryRepository } from "../http/registry-http.ts";
import type { Side } from "../logins/credentials.ts";
import { type Referrer, referrersOf } from "../referrers.ts";
import type { RegistryParts } from "../registry-parts.ts";
import { readBlob } from "./blob-stream.ts";
import { createImageBudget } from "./budgets.ts";
import { getManifest, type Manifest } from "./distribution.ts";
import { readManifest } from "./manifest.ts";

interface ReadOptions {
  /** `destination` for a copy in the push registry. */
  readonly side: Side;
  /** As for a copy: the source login is for the image's registry. */
  readonly ownLogin: boolean;
}

/** An image opened for reading. Each manifest is asked for once, and all of them together within a budget. Failures are `JobError`s. */
export interface ReadableImage {
  readonly reference: ImageReference;
  /** A manifest by tag or digest, its bytes checked against the digest. */
  manifest(reference: string, signal: AbortSignal): Promise<Manifest>;
  /** The bytes of a blob that one of the manifests names, checked at their end. A broken connection is continued. */
  blob(digest: Digest, signal: AbortSignal): AsyncIterable<Buffer>;
  /** What is attached to a manifest, as its registry lists it. */
  referrers(digest: Digest, signal: AbortSignal): Promise<readonly Referrer[]>;
}

/** Reads images in their registries, with the same logins, certificates, proxies and limits as copies. */
export interface ImageReader {
  /** Finds the login, and asks nothing yet. Throws a `RegistryVerdict` for a registry that images must not come from. */
  open(image: ImageReference, options: ReadOptions, signal: AbortSignal): Promise<ReadableImage>;
}

/** The most bytes of a blob whose size is unknown. */
const longestBlob = 16 * 1024 ** 3;

export function createImageReader(parts: RegistryParts): ImageReader {
  const { http, limits, clock, trust } = parts;
  return {
    async open(image, { side, ownLogin }, signal) {
      const { registry, repository } = image;
      if (side === "source") trust.judgeSource(registry);
      const login = await parts.credentials.find({ image, side, ownLogin }, signal);
      const verifyTls = side === "source" ? parts.sourceVerifyTls : parts.destinationVerifyTls;
      const certificates = await parts.readCertificates();
      const place = http.repository({ registry, repository, actions: "pull", login, verifyTls, certificates });
      return openImage(image, place, limits, clock);
    },
  };
}

function openImage(image: ImageReference, place: RegistryRepository, limits: HostLimits, clock: Clock): ReadableImage {
  const budget = createImageBudget(formatImageReference(image));
  const known = new Map<string, Promise<Manifest>>();
  const depths = new Map<string, number>();
  const sizes = new Map<string, number>();
  const patient = <T>(signal: AbortSignal, work: () => Promise<T>) => inTurn(limits, image.registry, signal, work);

  return {
    reference: image,
    manifest(reference, signal) {
      const reading = known.get(reference) ?? patient(signal, () => read(reference, signal));
      known.set(reference, reading);
      // A failure is not remembered, because the signal can have caused it.
      reading.catch(() => known.delete(reference));
      return reading;
    },
    async *blob(digest, signal) {
      const size = sizes.get(digest);
      const stream: RegistryRepository["stream"] = (request, its) => patient(its, () => place.stream(request, its));
      yield* readBlob({ stream, clock, digest, size: size ?? longestBlob, isExact: size !== undefined }, signal);
    },
    referrers(digest, signal) {
      budget.request();
      return referrersOf((request, its) => patient(its, () => place.send(request, its)), digest, undefined, signal);
    },
  };

  async function read(reference: string, signal: AbortSignal): Promise<Manifest> {
    budget.request();
    const manifest = await getManifest(place.send, reference, signal);
    budget.bytes(manifest.bytes.length);
    remember(manifest, depths.get(reference) ?? 0);
    return manifest;
  }

  function remember(manifest: Manifest, depth: number): void {
    const { config, layers, children } = readManifest(manifest);
    if (children.length > 0) budget.depth(depth + 1);
    for (const child of children) depths.set(child.digest, depth + 1);
    for (const blob of [...layers, ...(config ? [config] : [])]) if (blob.size > 0) sizes.set(blob.digest, blob.size);
  }
}
