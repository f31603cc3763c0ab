import { type ImageReference, parseImageReference } from "../../../core/images/image-reference.ts";
import { JobError } from "../../../core/jobs/errors.ts";
import type { PushedImage } from "../webhook-settings.ts";

export type Json = Readonly<Record<string, unknown>>;

/** One thing that a sender mentions, read when it is called: an image, or undefined for anything else. Throws `JobError("BadReference")`. */
export type Told = () => PushedImage | undefined;

/** Reads what one sender sends; undefined when the body is from another sender. */
export type Sender = (body: Json) => readonly Told[] | undefined;

/** Something that is ignored. */
export const nothing: Told = () => undefined;

/** Reads a name. If its first part were not a registry, the image would be looked for on Docker Hub. */
export function named(text: string, host: string): ImageReference {
  const image = parseImageReference(text);
  if (image.registry === host.toLowerCase()) return image;
  throw new JobError(
    "BadReference",
    `${JSON.stringify(host.slice(0, 100))} cannot be the registry of an image name: it has no dot and no port`,
  );
}

export function withoutScheme(url: string): string {
  return url.replace(/^(?:https?|docker|oci):\/\//i, "");
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

export function asObject(value: unknown): Json {
  return isObject(value) ? value : {};
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
