import { isObjectName } from "../builds/object-name.ts";
import { type Digest, formatImageReference, type ImageReference, isDigest, isTag } from "./image-reference.ts";

/** An image as a build names it: by pull reference, or by an image stream that only the cluster can resolve. Plain JSON. */
export type ImageName =
  | { readonly kind: "reference"; readonly reference: ImageReference }
  | { readonly kind: "stream-tag"; readonly namespace: string; readonly stream: string; readonly tag: string }
  | { readonly kind: "stream-image"; readonly namespace: string; readonly stream: string; readonly digest: Digest };

/** Reads the name of an ImageStreamTag (`stream:tag`) or ImageStreamImage (`stream@sha256:…`); undefined when it is neither. */
export function imageStreamName(namespace: string, name: string): ImageName | undefined {
  if (name.length > longestName) return undefined;
  const [stream = "", digest] = name.split("@");
  if (digest !== undefined)
    return isName(namespace, stream) && isDigest(digest) ? { kind: "stream-image", namespace, stream, digest } : undefined;
  const [bare = "", tag = "latest"] = name.split(":");
  return isName(namespace, bare) && isTag(tag) ? { kind: "stream-tag", namespace, stream: bare, tag } : undefined;
}

/** A stream's name, followed by a tag or digest. */
const longestName = 253 + 1 + 128;

function isName(namespace: string, stream: string): boolean {
  return isObjectName(namespace) && isObjectName(stream);
}

/** `web@0123456789ab` for `registry/shop/web@sha256:0123456789ab…`. */
export function shortImageName(full: string): string {
  const [name = "", digest] = full.split("@");
  return `${name.slice(name.lastIndexOf("/") + 1)}${digest === undefined ? "" : `@${digest.replace("sha256:", "").slice(0, 12)}`}`;
}

/** The name for people. */
export function formatImageName(image: ImageName): string {
  switch (image.kind) {
    case "reference":
      return formatImageReference(image.reference);
    case "stream-tag":
      return `${image.namespace}/${image.stream}:${image.tag}`;
    case "stream-image":
      return `${image.namespace}/${image.stream}@${image.digest}`;
  }
}
