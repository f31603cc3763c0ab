import { type ImageReference, repositoryOf } from "../../core/image-reference.ts";

/** Whether an image that a web hook names is wanted: one of the patterns (`*` for any characters) matches its registry and repository. */
export function createImageFilter(patterns: readonly string[]): (image: ImageReference) => boolean {
  if (patterns.length === 0) return () => true;
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split("*").map(escapeRegExp).join(".*")}$`));
  return (image) => expressions.some((expression) => expression.test(repositoryOf(image)));
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
