import { JobError } from "../jobs/errors.ts";
import { forPeople } from "../outside-text.ts";

export type Digest = `sha256:${string}`;

/** An image's full name, parsed once at the border. Without tag and digest it means `:latest`. */
export interface ImageReference {
  /** Host, with port if any. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const host =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** Bounds: a DNS name with a port, a repository that every registry accepts (distribution, NameTotalLengthMax), a tag and a digest. */
const longestHost = 253 + ":65535".length;
const longestRepository = 255;
const longestReference = "docker://".length + longestHost + longestRepository + 128 + 71 + 20;

/**
 * Reads `[host[:port]/]path[:tag][@digest]` by the grammar of distribution/reference; a name without a host is on Docker Hub, as in skopeo.
 * Throws `JobError("BadReference")`.
 */
export function parseImageReference(text: string): ImageReference {
  const read = readReference(text);
  if (typeof read !== "string") return read;
  throw new JobError("BadReference", `"${forPeople(text, 200)}" is no image reference: ${read}`);
}

/** The same for a field that may hold anything: undefined for what is no reference. It costs no error, so thousands may be read in a row. */
export function imageReferenceOf(text: unknown): ImageReference | undefined {
  const read = typeof text === "string" && text !== "" ? readReference(text) : "";
  return typeof read === "string" ? undefined : read;
}

/** A reference, or what is wrong with it. */
function readReference(text: string): ImageReference | string {
  if (text.length > longestReference) return "it is longer than a name can be";
  const name = text.trim().replace(/^docker:\/\//, "");
  const [withTag = "", digest, ...rest] = name.split("@");
  if (rest.length > 0) return "it has more than one @";
  const colon = withTag.lastIndexOf(":");
  const hasTag = colon > withTag.lastIndexOf("/");
  const path = hasTag ? withTag.slice(0, colon) : withTag;
  const tag = hasTag ? withTag.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) return "its tag is not valid";
  if (digest !== undefined && !isDigest(digest)) return "its digest is not sha256: and 64 hexadecimal digits";
  const place = splitPath(path);
  return typeof place === "string" ? place : { ...place, ...(tag && { tag }), ...(digest && { digest }) };
}

/** The same image as text: `registry/repository@digest`, or with its tag where there is no digest. */
export function formatImageReference(image: ImageReference): string {
  if (image.digest) return `${repositoryOf(image)}@${image.digest}`;
  return image.tag ? `${repositoryOf(image)}:${image.tag}` : repositoryOf(image);
}

/** `registry/repository`, without tag and digest. */
export function repositoryOf(image: ImageReference): string {
  return `${image.registry}/${image.repository}`;
}

export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && digestPattern.test(text);
}

/** Whether a text is a valid tag. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** The same image, named by digest. */
export function withDigest(image: ImageReference, digest: Digest): ImageReference {
  return { ...image, digest };
}

function splitPath(path: string): { registry: string; repository: string } | string {
  const slash = path.indexOf("/");
  const first = slash < 0 ? "" : path.slice(0, slash);
  const named = first.includes(".") || first.includes(":") || first === "localhost" || first !== first.toLowerCase();
  // DNS knows no capitals. Without a dot or port they show that it is a host.
  const given = /[.:]/.test(first) ? first.toLowerCase() : first;
  // Docker Hub's old name, as in distribution/reference.
  const registry = named && given !== "index.docker.io" ? given : "docker.io";
  const rest = named ? path.slice(slash + 1) : path;
  const repository = registry === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest;
  if (registry.length > longestHost || !host.test(registry) || !URL.canParse(`https://${registry}`))
    return "its registry is no host name";
  if (repository.length > longestRepository || !repository.split("/").every((part) => component.test(part))) {
    return "its repository is not valid (lower case letters, digits and separators)";
  }
  return { registry, repository };
}
