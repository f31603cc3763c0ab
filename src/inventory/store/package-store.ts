import type { Digest } from "../../core/images/image-reference.ts";
import type { KnownPackages } from "../inventory.ts";

/** Keeps the packages of images. Everything is asynchronous, because a store can be on another machine. */
export interface PackageStore extends KnownPackages {
  /** What was read of a layer, packed; undefined when nobody read it, or it was pushed out. */
  layer(digest: Digest): Promise<Uint8Array | undefined>;
  keepLayer(digest: Digest, contents: Uint8Array): Promise<void>;
  /** Keeps what was read of an image: whole contents, packed, the first platform's first. `isSettled`: reading it again would find the same. */
  keepImage(image: Digest, contents: readonly Uint8Array[], isSettled: boolean): Promise<void>;
  /** Whether an image was read and need not be read again. */
  isSettled(image: Digest): Promise<boolean>;
  /** Images read before a time (milliseconds since the epoch), by their digests in order, from the one after `after` on. */
  images(readBefore: number, after: Digest | undefined, limit: number): Promise<readonly Digest[]>;
  /** Forgets images, and the contents that no other image has. */
  forget(images: readonly Digest[]): Promise<void>;
  close(): Promise<void>;
}
