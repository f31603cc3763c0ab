import { setImmediate as nextTurn } from "node:timers/promises";
import { type Digest, type ImageReference, imageReferenceOf, isDigest } from "../../core/images/image-reference.ts";
import { outsideText } from "../../core/outside-text.ts";
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

/** A stream whose tags are found by name: it may have tens of thousands. */
interface Indexed {
  readonly repository: unknown;
  readonly spec: ReadonlyMap<string, SpecTag>;
  readonly status: ReadonlyMap<string, StatusTag>;
}

/** The image that a tag named at some time (RFC 3339), or names now; the nearest later one if the history begins after that time. */
export function imageOfTag(stream: ImageStream, tag: string, at: string | undefined): StreamImage {
  return imageIn(index(stream), tag, at);
}

/** The image with this digest by the name under which the stream's history has it, else by the stream's own name. */
export function imageOfDigest(stream: ImageStream, digest: Digest): StreamImage {
  const indexed = index(stream);
  for (const { tag, items } of entries(stream.status?.tags)) {
    const item = entries(items).find(({ image }) => image === digest);
    const image = item && imageOfItem(indexed, tag ?? "", item);
    if (image) return { image };
  }
  const image = inStream(indexed, digest);
  return image ? { image } : { because: "the stream has no such image and the cluster no registry" };
}

/** The digest a tag of the cluster's own registry had at some time, chosen like in `imageOfTag`; undefined when the stream has none. */
export function digestOfTag(stream: ImageStream, tag: string, at: string | undefined): Digest | undefined {
  return history(index(stream), tag, at).find((item) => isDigest(item.image))?.image as Digest | undefined;
}

/** Tags read in one turn of the event loop. */
const tagsAtOnce = 2_000;

/** Every tag's newest valid image, or why it has none; then `stream`. */
export async function readImageStream(stream: ImageStream): Promise<readonly StreamSighting[]> {
  const name = streamName(stream);
  const indexed = index(stream);
  const tags = [...new Set([...indexed.status.keys(), ...indexed.spec.keys()])].filter((tag) => tag !== "");
  const sightings: StreamSighting[] = [];
  for (let from = 0; from < tags.length; from += tagsAtOnce) {
    if (from > 0) await nextTurn();
    for (const tag of tags.slice(from, from + tagsAtOnce)) sightings.push(sightingOf(indexed, name, tag));
  }
  return [...sightings, { kind: "stream", stream: name }];
}

function sightingOf(indexed: Indexed, stream: string, tag: string): StreamSighting {
  if (indexed.spec.get(tag)?.reference) return { kind: "skipped", stream, tag, because: "it only points to an image elsewhere" };
  const found = imageIn(indexed, tag, undefined);
  if ("image" in found) return { kind: "image", stream, tag, image: found.image };
  return { kind: "skipped", stream, tag, because: found.because };
}

/** `namespace/name`. */
function streamName({ metadata }: ImageStream): string {
  return `${outsideText(metadata?.namespace) ?? ""}/${outsideText(metadata?.name) ?? ""}`;
}

function index({ spec, status }: ImageStream): Indexed {
  return {
    repository: status?.dockerImageRepository,
    spec: byName(entries(spec?.tags), ({ name }) => name),
    status: byName(entries(status?.tags), ({ tag }) => tag),
  };
}

/** The first of each name. */
function byName<T>(all: readonly T[], nameOf: (one: T) => unknown): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const one of all) {
    const name = nameOf(one);
    if (typeof name === "string" && !found.has(name)) found.set(name, one);
  }
  return found;
}

function imageIn(stream: Indexed, tag: string, at: string | undefined): StreamImage {
  for (const item of history(stream, tag, at)) {
    const image = imageOfItem(stream, tag, item);
    if (image) return { image };
  }
  const pointer = stream.spec.get(tag);
  const pointed = pointer?.reference && pointer.from?.kind === "DockerImage" ? imageReferenceOf(pointer.from.name) : undefined;
  return pointed ? { image: pointed } : { because: whyEmpty(stream, tag) };
}

/**
 * A tag's items, the best guess for a time first: items that were there at that time, newest first, then later ones, oldest first. Clocks can
 * differ, and a later item is still a better guess than the bare tag, which names the newest of all.
 */
function history({ status }: Indexed, tag: string, at: string | undefined): readonly TagItem[] {
  const items = entries(status.get(tag)?.items);
  const time = timeOf(at) + clockSkew;
  if (Number.isNaN(time)) return items;
  const dated = items.map((item) => ({ item, created: timeOf(item.created) }));
  const later = dated.filter(({ created }) => created > time).toSorted((one, other) => one.created - other.created);
  return [...dated.filter(({ created }) => !(created > time)), ...later].map(({ item }) => item);
}

function timeOf(text: unknown): number {
  return typeof text === "string" ? Date.parse(text) : Number.NaN;
}

/** referencePolicy Local means the cluster's own registry, which passes the image through with the stream's credentials. */
function imageOfItem(stream: Indexed, tag: string, item: TagItem): ImageReference | undefined {
  const local = stream.spec.get(tag)?.referencePolicy?.type === "Local" && isDigest(item.image);
  return (local ? inStream(stream, item.image) : undefined) ?? imageReferenceOf(item.dockerImageReference);
}

function inStream({ repository }: Indexed, digest: string): ImageReference | undefined {
  return typeof repository === "string" && repository !== "" ? imageReferenceOf(`${repository}@${digest}`) : undefined;
}

function whyEmpty({ spec, status }: Indexed, tag: string): string {
  const entry = status.get(tag);
  const failed = entries(entry?.conditions).find(({ type, status: its }) => type === "ImportSuccess" && its === "False");
  if (failed) return `its import failed (${outsideText(failed.reason) ?? "no reason"}): ${outsideText(failed.message) ?? ""}`;
  if (entries(entry?.items).length > 0) return "it has no readable image";
  return entry || spec.has(tag) ? "it has no image yet" : "there is no such tag";
}

function entries<T>(list: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(list) ? list.filter((entry) => typeof entry === "object" && entry !== null) : [];
}
