import type { Digest } from "../../core/images/image-reference.ts";
import type { KnownPackages } from "../inventory.ts";

/** Keeps the packages of images. Everything is asynchronous, because a store can be on another machine. */
export interface PackageStore extends KnownPackages {
  /** What was read of a layer, packed. Undefined if it was not read, or was dropped from the cache. */
  layer(digest: Digest): Promise<Uint8Array | undefined>;
  keepLayer(digest: Digest, contents: Uint8Array): Promise<void>;
  /** Keeps an image's packed contents, in the order of its platforms. `isSettled`: reading it again would give the same result. */
  keepImage(image: Digest, contents: readonly Uint8Array[], isSettled: boolean): Promise<void>;
  /** Whether an image was read and does not have to be read again. */
  isSettled(image: Digest): Promise<boolean>;
  /** Digests of images that were read before a time (milliseconds since the epoch), sorted, starting after `after`. */
  images(readBefore: number, after: Digest | undefined, limit: number): Promise<readonly Digest[]>;
  /** Forgets images, and contents that no other image has. */
  forget(images: readonly Digest[]): Promise<void>;
  close(): Promise<void>;
}
