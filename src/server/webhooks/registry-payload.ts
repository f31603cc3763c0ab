import { JobError } from "../../core/errors.ts";
import { type ImageReference, isDigest, isTag, parseImageReference } from "../../core/image-reference.ts";

/** What a web hook says: the images that were pushed, and how many other things it tells of that are nobody's concern here. */
export interface PushedImages {
  readonly images: readonly ImageReference[];
  readonly ignored: number;
}

type Json = Readonly<Record<string, unknown>>;

/** What a registry calls a manifest; blobs are pushed, too. */
const manifestTypes: ReadonlySet<unknown> = new Set([
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
]);

/** Under such a tag cosign keeps signatures, attestations and bills of materials of an image. */
const attachment = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;

/**
 * Reads what a registry sends when something was pushed, told apart by its shape:
 * distribution's envelope of events (https://distribution.github.io/distribution/about/notifications/), Harbor's PUSH_ARTIFACT
 * (https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/), Quay's repository push
 * (https://docs.quay.io/guides/notifications.html), which names tags and no digest. Undefined when it is none of them.
 * Throws `JobError("BadReference")` for an image name that cannot be.
 */
export function readRegistryPayload(body: unknown): PushedImages | undefined {
  if (!isObject(body)) return undefined;
  if (Array.isArray(body.events)) return collect(body.events.map(readDistributionEvent));
  if (typeof body.type === "string" && isObject(body.event_data)) return readHarbor(body.type, body.event_data);
  if (typeof body.docker_url === "string" && Array.isArray(body.updated_tags))
    return readQuay(body.docker_url, body.updated_tags);
  return undefined;
}

function readDistributionEvent(event: unknown): ImageReference | undefined {
  if (!isObject(event) || event.action !== "push" || !isObject(event.target)) return undefined;
  const { mediaType, repository, digest, tag, url } = event.target;
  if (!manifestTypes.has(mediaType) || typeof repository !== "string" || !isDigest(digest)) return undefined;
  if (typeof tag === "string" && attachment.test(tag)) return undefined;
  const host = hostOf(isObject(event.request) ? event.request.host : undefined, url);
  return host === undefined ? undefined : named(`${host}/${repository}@${digest}`, host);
}

/** The host the image was pushed by; behind a proxy the registry's own URL can be another. */
function hostOf(host: unknown, url: unknown): string | undefined {
  if (typeof host === "string" && host !== "") return host;
  return typeof url === "string" && URL.canParse(url) ? new URL(url).host : undefined;
}

function readHarbor(type: string, { resources }: Json): PushedImages {
  if (type !== "PUSH_ARTIFACT" || !Array.isArray(resources)) return { images: [], ignored: 1 };
  return collect(
    resources.map((resource) => {
      if (!isObject(resource) || typeof resource.resource_url !== "string") return undefined;
      const { resource_url: url, digest, tag } = resource;
      if (typeof tag === "string" && attachment.test(tag)) return undefined;
      const bare = url.replace(/@sha256:[0-9a-f]+$/, "").replace(/:[^/:]*$/, "");
      return named(isDigest(digest) ? `${bare}@${digest}` : url, bare.split("/")[0] ?? "");
    }),
  );
}

function readQuay(repository: string, tags: readonly unknown[]): PushedImages {
  const host = repository.split("/")[0] ?? "";
  return collect(
    tags.map((tag) => {
      if (typeof tag !== "string" || !isTag(tag) || attachment.test(tag)) return undefined;
      return named(`${repository}:${tag}`, host);
    }),
  );
}

/** Reads a name; one whose first part is not taken for a registry would be looked for on Docker Hub. */
function named(text: string, host: string): ImageReference {
  const image = parseImageReference(text);
  if (image.registry === host) return image;
  throw new JobError(
    "BadReference",
    `${JSON.stringify(host.slice(0, 100))} is no registry that an image name can begin with: it has no dot and no port`,
  );
}

function collect(found: readonly (ImageReference | undefined)[]): PushedImages {
  const images = found.filter((image) => image !== undefined);
  return { images, ignored: found.length - images.length };
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}
