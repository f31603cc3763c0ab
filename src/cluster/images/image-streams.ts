import { type Digest, type ImageReference, isDigest, parseImageReference } from "../../core/images/image-reference.ts";
import type { StreamSighting } from "../cluster.ts";

/** The used fields of an ImageStream (image.openshift.io/v1). Everything is optional, as with a Build. */
export interface ImageStream {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: {
    readonly dockerImageRepository?: string;
    readonly tags?: readonly SpecTag[] | null;
  };
  readonly status?: {
    /** The stream's repository in the cluster's own registry; without that registry a copy of the spec's field. */
    readonly dockerImageRepository?: string;
    /** The same by the registry's route, if it has one. */
    readonly publicDockerImageRepository?: string;
    readonly tags?: readonly StatusTag[] | null;
  };
}

interface SpecTag {
  readonly name?: string;
  readonly from?: { readonly kind?: string; readonly name?: string } | null;
  /** The tag only points to its `from` and is never imported. */
  readonly reference?: boolean;
  readonly referencePolicy?: { readonly type?: string };
}

interface StatusTag {
  readonly tag?: string;
  /** Newest first. */
  readonly items?: readonly TagItem[] | null;
  readonly conditions?:
    | readonly { readonly type?: string; readonly status?: string; readonly reason?: string; readonly message?: string }[]
    | null;
}

interface TagItem {
  readonly created?: string;
  readonly dockerImageReference?: string;
  readonly image?: string;
}

/** An image of a stream, or why there is none. */
export type StreamImage = { readonly image: ImageReference } | { readonly because: string };

/** The end of a build and the arrival of its image come from two clocks, both in whole seconds. */
const clockSkew = 2_000;

/** The image that a tag named at some time (RFC 3339), or names now; the nearest later one if the history begins after that time. */
export function imageOfTag(stream: ImageStream, tag: string, at: string | undefined): StreamImage {
  for (const item of history(stream, tag, at)) {
    const image = imageOfItem(stream, tag, item);
    if (image) return { image };
  }
  const pointer = specTag(stream, tag);
  const pointed = pointer?.reference && pointer.from?.kind === "DockerImage" ? parseOrNothing(pointer.from.name) : undefined;
  return pointed ? { image: pointed } : { because: whyEmpty(stream, tag) };
}

/** The image with this digest by the name under which the stream's history has it, else by the stream's own name. */
export function imageOfDigest(stream: ImageStream, digest: Digest): StreamImage {
  for (const { tag, items } of entries(stream.status?.tags)) {
    const item = entries(items).find(({ image }) => image === digest);
    const image = item && imageOfItem(stream, tag ?? "", item);
    if (image) return { image };
  }
  const image = inStream(stream, digest);
  return image ? { image } : { because: "the stream has no such image and the cluster no registry" };
}

/** The digest a tag of the cluster's own registry had at some time, chosen like in `imageOfTag`; undefined when the stream has none. */
export function digestOfTag(stream: ImageStream, tag: string, at: string | undefined): Digest | undefined {
  return history(stream, tag, at).find((item) => isDigest(item.image))?.image as Digest | undefined;
}

/** Every tag's newest valid image, or why it has none; then `stream`. */
export function readImageStream(stream: ImageStream): readonly StreamSighting[] {
  const name = streamName(stream);
  const inStatus = entries(stream.status?.tags).map(({ tag }) => tag);
  const inSpec = entries(stream.spec?.tags).map((tag) => tag.name);
  const tags = new Set([...inStatus, ...inSpec].filter((tag): tag is string => typeof tag === "string" && tag !== ""));
  const sightings = [...tags].map((tag): StreamSighting => {
    if (specTag(stream, tag)?.reference)
      return { kind: "skipped", stream: name, tag, because: "it only points to an image elsewhere" };
    const found = imageOfTag(stream, tag, undefined);
    if ("image" in found) return { kind: "image", stream: name, tag, image: found.image };
    return { kind: "skipped", stream: name, tag, because: found.because };
  });
  return [...sightings, { kind: "stream", stream: name }];
}

/** `namespace/name`. */
function streamName({ metadata }: ImageStream): string {
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}

/**
 * A tag's items, the best guess for a time first: items that were there at that time, newest first, then later ones, oldest first. Clocks can
 * differ, and a later item is still a better guess than the bare tag, which names the newest of all.
 */
function history(stream: ImageStream, tag: string, at: string | undefined): readonly TagItem[] {
  const items = entries(entries(stream.status?.tags).find((entry) => entry.tag === tag)?.items);
  const time = Date.parse(at ?? "") + clockSkew;
  if (Number.isNaN(time)) return items;
  const isLater = ({ created }: TagItem) => Date.parse(created ?? "") > time;
  const later = items.filter(isLater).toSorted((one, other) => Date.parse(one.created ?? "") - Date.parse(other.created ?? ""));
  return [...items.filter((item) => !isLater(item)), ...later];
}

/** referencePolicy Local means the cluster's own registry, which passes the image through with the stream's credentials. */
function imageOfItem(stream: ImageStream, tag: string, item: TagItem): ImageReference | undefined {
  const local = specTag(stream, tag)?.referencePolicy?.type === "Local" && isDigest(item.image);
  return (local ? inStream(stream, item.image) : undefined) ?? parseOrNothing(item.dockerImageReference);
}

function inStream(stream: ImageStream, digest: string): ImageReference | undefined {
  const repository = stream.status?.dockerImageRepository;
  return repository ? parseOrNothing(`${repository}@${digest}`) : undefined;
}

function specTag(stream: ImageStream, tag: string): SpecTag | undefined {
  return entries(stream.spec?.tags).find(({ name }) => name === tag);
}

function whyEmpty(stream: ImageStream, tag: string): string {
  const entry = entries(stream.status?.tags).find((candidate) => candidate.tag === tag);
  const failed = entries(entry?.conditions).find(({ type, status }) => type === "ImportSuccess" && status === "False");
  if (failed) return `its import failed (${failed.reason ?? "no reason"}): ${failed.message ?? ""}`;
  if (entries(entry?.items).length > 0) return "it has no readable image";
  return entry || specTag(stream, tag) ? "it has no image yet" : "there is no such tag";
}

function parseOrNothing(text: unknown): ImageReference | undefined {
  if (typeof text !== "string" || text === "") return undefined;
  try {
    return parseImageReference(text);
  } catch {
    return undefined;
  }
}

function entries<T>(list: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(list) ? list.filter((entry) => typeof entry === "object" && entry !== null) : [];
}
