import type { Digest, ImageReference } from "./image-reference.ts";

/** What a registry has under an image's name; `base` is the base image that it names itself. */
export type ImageLook =
  | { readonly kind: "absent" }
  | {
      readonly kind: "present";
      readonly digest: Digest;
      readonly base?: ImageReference;
      /** The images of several platforms that it holds. */
      readonly parts?: readonly Digest[];
    };
