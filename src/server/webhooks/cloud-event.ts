import type { IncomingHttpHeaders } from "node:http";
import { type ImageReference, isDigest, parseImageReference } from "../../core/images/image-reference.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { collect, type PushedImages } from "./registry-payload.ts";
import { withoutScheme } from "./senders/reading.ts";

type Json = Readonly<Record<string, unknown>>;

/** Whether a request carries a single CloudEvent, in structured mode or, by its headers, in binary mode. */
export function isCloudEvent({ "content-type": contentType = "", ...headers }: IncomingHttpHeaders): boolean {
  const [type = ""] = contentType.toLowerCase().split(";");
  if (type.trim() === "application/cloudevents+json") return true;
  return type.trim() === "application/json" && headers["ce-specversion"] !== undefined;
}

/**
 * The image a CloudEvent is about: `data.image`, as a text or as an object with `destination` or `source` and perhaps `digest`; else the event's
 * subject. Undefined if the event names no image. Throws `JobError("BadReference")` if it is not a CloudEvent 1.0.
 * https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md
 */
export function readCloudEvent(headers: IncomingHttpHeaders, body: unknown): PushedImages {
  const isBinary = headers["ce-specversion"] !== undefined;
  const { specversion, subject, data } = isBinary ? binaryEvent(headers, body) : asObject(body);
  if (specversion !== "1.0")
    throw new JobError("BadReference", "This is not a CloudEvent 1.0: specversion is missing or different");
  const name = imageIn(asObject(data).image) ?? subject;
  return collect([() => readName(name)]);
}

function readName(name: unknown): ImageReference {
  if (typeof name === "string" && name !== "") return parseImageReference(withoutScheme(name));
  throw new JobError("BadReference", "The event names no image, neither in data.image nor as its subject");
}

function binaryEvent(headers: IncomingHttpHeaders, data: unknown): Json {
  const { "ce-specversion": specversion, "ce-subject": subject } = headers;
  return { specversion, subject: typeof subject === "string" ? decoded(subject) : undefined, data };
}

function imageIn(image: unknown): string | undefined {
  if (typeof image === "string") return image;
  const { destination, source, digest } = asObject(image);
  const name = typeof destination === "string" ? destination : source;
  if (typeof name !== "string") return undefined;
  return isDigest(digest) && !name.includes("@") ? `${name}@${digest}` : name;
}

/** Header values are percent-encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}
