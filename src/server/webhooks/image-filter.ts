import { type ImageReference, repositoryOf } from "../../core/images/image-reference.ts";
import { matchesWildcard } from "../../core/outside-text.ts";

/** Whether an image that a web hook names is wanted: one of the patterns (`*` for any characters) matches its registry and repository. */
export function createImageFilter(patterns: readonly string[]): (image: ImageReference) => boolean {
  if (patterns.length === 0) return () => true;
  return (image) => patterns.some((pattern) => matchesWildcard(pattern.toLowerCase(), repositoryOf(image).toLowerCase()));
}
