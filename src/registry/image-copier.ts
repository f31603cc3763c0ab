import type { ImageReference } from "../core/image-reference.ts";

/** Makes images available in another registry. Failures are `JobError`s. */
export interface ImageCopier {
  /** Copies an image, unless it is there already; the answer names it there, by digest. The source's own child processes end with the signal. */
  copy(source: ImageReference, signal: AbortSignal): Promise<ImageReference>;
}
