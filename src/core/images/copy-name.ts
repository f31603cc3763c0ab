import { createHash } from "node:crypto";
import { withoutEnd } from "../outside-text.ts";
import type { Digest, ImageReference } from "./image-reference.ts";

type Place = Pick<ImageReference, "registry" | "repository">;

/** 128 bits: nobody can find a second image with the same hash. */
const hashDigits = 32;
const endsInHash = /_[0-9a-f]{32}$/;

/**
 * The name of a copy by default, one path component of at most `room` characters: no two places share one. Images of the cluster's own registry
 * (`own`) are `<project>-<name>`, or `<project>_<name>` where a dash could stand elsewhere, too; others `<host>_<path>` with `_` for each slash.
 * A name is used only if the image's place can be read back from it. Otherwise a hash of the place is appended.
 */
export function copyName(place: Place, own: boolean, room: number): string {
  const { repository } = place;
  const origin = own ? `/${repository}` : `${place.registry}/${repository}`;
  const plain = own ? ownName(repository) : `${hostName(place.registry)}_${repository.replaceAll("/", "_")}`;
  if (plain.length <= room && readBack(plain) === origin) return plain;
  const readable = asComponent(plain.replaceAll("_", "-")).slice(0, room - hashDigits - 1);
  return `${withoutEnd(readable, "._-")}_${hashOf(origin)}`;
}

/** A host as a path component; no two hosts share one. */
export function hostName(registry: string): string {
  const plain = asComponent(registry.toLowerCase().replace(/:(\d{1,5})$/, "-$1"));
  return withPort(plain) === registry ? plain : `${plain}_${hashOf(registry)}`;
}

/**
 * The tag that names a digest, with all of its digits. It never begins with the algorithm: `sha256-<hex>` is for what refers to an image, where a
 * registry has no referrers API (OCI distribution 1.1, referrers tag schema).
 */
export function digestTag(digest: Digest): string {
  return `digest-${digest.slice("sha256:".length)}`;
}

/** Whether a tag looks like one that names a digest: one of ours, or of cosign and similar tools. */
export function isReservedTag(tag: string): boolean {
  return /^(?:sha\d+-|digest-[0-9a-f]{64}$)/i.test(tag);
}

/** Text as the path of an image name: lower case, each component begins and ends with a letter or digit; empty components are dropped. */
export function asPath(text: string): string {
  return text.toLowerCase().split("/").map(asComponent).filter(Boolean).join("/");
}

/** A path that is too long is cut, and a hash of the whole is appended, so that two long paths differ. */
export function shorten(path: string, room: number): string {
  return path.length <= room ? path : `${withoutEnd(path.slice(0, room - hashDigits - 1), "._/-")}-${hashOf(path)}`;
}

/** A project's name has neither dots nor underscores. */
function ownName(repository: string): string {
  const [project = "", name = "", ...more] = repository.split("/");
  if (more.length > 0) return repository.replaceAll("/", "_");
  return project.includes("-") || name.includes("_") ? `${project}_${name}` : `${project}-${name}`;
}

/** The place that a plain name means. Only one is possible: a host has a dot, a project has none. */
function readBack(name: string): string | undefined {
  if (endsInHash.test(name)) return undefined;
  const [first = "", ...rest] = name.split("_");
  if (first.includes(".")) return `${withPort(first)}/${rest.join("/")}`;
  if (rest.length > 0) return `/${first}/${rest.join("_")}`;
  return `/${name.replace("-", "/")}`;
}

function withPort(host: string): string {
  return host.replace(/-(\d{1,5})$/, ":$1");
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, hashDigits);
}

function asComponent(text: string): string {
  const parted = text
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/[._-]{2,}/g, (run) => (run === "__" || /^-+$/.test(run) ? run : "-"));
  return withoutEnd(parted.replace(/^[._-]+/, ""), "._-");
}
