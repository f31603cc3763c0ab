import { JobError } from "../../core/errors.ts";
import { whyNoImage } from "../../core/image-kind.ts";
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

/** Manifests of several platforms' images, which are pushed one by one before it. */
const indexTypes: ReadonlySet<unknown> = new Set([
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.index.v1+json",
]);

/**
 * Reads what a registry sends when something was pushed, told apart by its shape:
 * distribution's envelope of events (https://distribution.github.io/distribution/about/notifications/), Azure's single one, also in Event Grid's
 * envelopes (https://learn.microsoft.com/azure/container-registry/container-registry-webhook-reference), Harbor's PUSH_ARTIFACT, also as CloudEvent
 * (https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/), and Quay's notifications
 * (https://docs.quay.io/guides/notifications.html), of which a push names tags and no digest. Undefined when it is none of them.
 * Throws `JobError("BadReference")` for an image name that cannot be; not for Quay, which gives a notification up after three refusals.
 */
export function readRegistryPayload(body: unknown): PushedImages | undefined {
  if (Array.isArray(body)) return readEventGrid(body);
  if (!isObject(body)) return undefined;
  if (Array.isArray(body.events)) return readEvents(body.events);
  if (typeof body.action === "string" && isObject(body.request)) return readEvents([body]);
  if (typeof body.type === "string" && isObject(body.event_data))
    return readHarbor(body.type === "PUSH_ARTIFACT", body.event_data);
  if (typeof body.type === "string" && body.type.startsWith("harbor."))
    return readHarbor(body.type === "harbor.artifact.pushed", asObject(body.data));
  if (typeof body.type === "string" && body.type.startsWith(azure)) return readEvents([body.data]);
  return typeof body.docker_url === "string" ? readQuay(body.docker_url, body.updated_tags) : undefined;
}

const azure = "Microsoft.ContainerRegistry.";

function readEventGrid(events: readonly unknown[]): PushedImages | undefined {
  const ours = events.filter((event) => isObject(event) && String(event.eventType ?? event.type).startsWith(azure));
  return ours.length > 0 ? readEvents(ours.map((event) => asObject(event).data)) : undefined;
}

/** One push of several platforms tells of each; the index alone is what was pushed. */
function readEvents(events: readonly unknown[]): PushedImages {
  const pushes = events.map(readPush);
  const indexes = pushes.filter((push) => push?.isIndex);
  return collect(
    pushes.map((push) => {
      if (!push) return undefined;
      const isPart = indexes.some((index) => index !== push && index?.repository === push.repository && holds(index, push));
      return isPart ? undefined : named(`${push.host}/${push.repository}@${push.digest}`, push.host);
    }),
  );
}

interface Push {
  readonly host: string;
  readonly repository: string;
  readonly digest: string;
  readonly isIndex: boolean;
  readonly isTagged: boolean;
  /** The digests it names, where the registry says them. */
  readonly references: readonly unknown[] | undefined;
}

function holds({ references }: Push, { digest, isTagged, isIndex }: Push): boolean {
  return references ? references.includes(digest) : !isTagged && !isIndex;
}

function readPush(event: unknown): Push | undefined {
  if (!isObject(event) || event.action !== "push" || !isObject(event.target)) return undefined;
  const { mediaType, repository, digest, tag, url, artifactType, references } = event.target;
  if (!manifestTypes.has(mediaType) || typeof repository !== "string" || !isDigest(digest)) return undefined;
  if (whyNoImage({ tag: textOf(tag), artifactType: textOf(artifactType) }) !== undefined) return undefined;
  const host = hostOf(isObject(event.request) ? event.request.host : undefined, url);
  if (host === undefined) return undefined;
  const named = Array.isArray(references) ? references.map((reference) => asObject(reference).digest) : undefined;
  return { host, repository, digest, isIndex: indexTypes.has(mediaType), isTagged: textOf(tag) !== undefined, references: named };
}

/** The host the image was pushed by; behind a proxy the registry's own URL can be another. */
function hostOf(host: unknown, url: unknown): string | undefined {
  if (typeof host === "string" && host !== "") return host;
  return typeof url === "string" && URL.canParse(url) ? new URL(url).host : undefined;
}

/** Harbor says the digest of what was pushed without tag in place of one, and in older versions nowhere else. */
function readHarbor(isPush: boolean, { resources }: Json): PushedImages {
  if (!isPush || !Array.isArray(resources)) return { images: [], ignored: 1 };
  return collect(
    resources.map((resource) => {
      if (!isObject(resource) || typeof resource.resource_url !== "string") return undefined;
      if (whyNoImage({ tag: textOf(resource.tag), artifactType: textOf(resource.artifact_type) }) !== undefined) return undefined;
      const url = withoutScheme(resource.resource_url);
      const [, inUrl] = /[@:](sha256:[0-9a-f]{64})$/.exec(url) ?? [];
      const digest = [resource.digest, resource.tag, inUrl].find(isDigest);
      const bare = (inUrl === undefined ? url : url.slice(0, -inUrl.length - 1)).replace(/:[^/:]*$/, "");
      return named(digest ? `${bare}@${digest}` : url, bare.split("/")[0] ?? "");
    }),
  );
}

function readQuay(url: string, tags: unknown): PushedImages {
  if (!Array.isArray(tags)) return { images: [], ignored: 1 };
  const repository = withoutScheme(url);
  const host = repository.split("/")[0] ?? "";
  return collect(
    tags.map((tag) => {
      if (typeof tag !== "string" || !isTag(tag) || whyNoImage({ tag }) !== undefined) return undefined;
      try {
        return named(`${repository}:${tag}`, host);
      } catch {
        return undefined;
      }
    }),
  );
}

function withoutScheme(url: string): string {
  return url.replace(/^(?:https?|docker):\/\//i, "");
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

function asObject(value: unknown): Json {
  return isObject(value) ? value : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
