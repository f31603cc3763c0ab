import type { ImageReference } from "../core/images/image-reference.ts";

export interface CopyOptions {
  /** THOTH_SRC_REGISTRY_USER and _PASSWORD are for the image's registry. Otherwise they are not used, because no other registry may see them. */
  readonly inSourceRegistry?: boolean;
  /** When the image was completed, in milliseconds since the epoch: tags that move go to the latest. Without it they are taken from no other image. */
  readonly completedAt?: number | undefined;
  /** Called with what people should know of the copy, such as a tag that could not be set. */
  readonly note?: ((text: string) => void) | undefined;
}

/** Makes images available in another registry. Failures are `JobError`s. */
export interface ImageCopier {
  /** Copies are only named, as in a dry run. */
  readonly onlyPlans?: boolean;
  /**
   * Copies an image, unless it is already there. Returns its name there, by digest. If the image stays where it is, because its registry is
   * excluded or it is already in the push registry, the same object is returned.
   * Throws the signal's reason when it fires; the copy's child processes have ended then.
   */
  copy(source: ImageReference, signal: AbortSignal, options?: CopyOptions): Promise<ImageReference>;
  /** The login with which a copy is pulled again; undefined when there is none. */
  copyLogin(copy: ImageReference, signal: AbortSignal): Promise<{ readonly user: string; readonly password: string } | undefined>;
}

/** What happens to one image; `id` is the same from start to end. A copy that was present, or shared with another job, never starts. */
export type CopyReport =
  | { readonly kind: "started"; readonly id: number; readonly image: string; readonly target: string }
  | EndedCopy;

export interface EndedCopy {
  readonly kind: "ended";
  readonly id: number;
  readonly image: string;
  readonly target: string;
  readonly outcome: "copied" | "present" | "shared" | "failed";
  readonly seconds: number;
  /** The image's size, if its manifest was read. */
  readonly bytes?: number;
}
