import { whyNoImage } from "../../../core/images/image-kind.ts";
import { type Digest, isDigest } from "../../../core/images/image-reference.ts";
import { asObject, isObject, named, nothing, type Sender, type Told, textOf } from "./reading.ts";

/** Manifests of several platforms' images, which are pushed one by one before it. */
const indexTypes: readonly unknown[] = [
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.index.v1+json",
];

/** What a registry calls a manifest; blobs are pushed, too. */
const manifestTypes: readonly unknown[] = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  ...indexTypes,
];

/** How many parts of an index are remembered; no build makes that many. */
const mostParts = 100;

/** distribution's envelope of events: https://distribution.github.io/distribution/about/notifications/ */
export const distribution: Sender = ({ events }) => (Array.isArray(events) ? readEvents(events) : undefined);

/** Azure's single event: https://learn.microsoft.com/azure/container-registry/container-registry-webhook-reference */
export const azure: Sender = (body) =>
  typeof body.action === "string" && isObject(body.request) ? readEvents([body]) : undefined;

const ofAzure = "Microsoft.ContainerRegistry.";

/** The same in Event Grid's envelopes, its own and that of a CloudEvent. */
export const eventGrid: Sender = ({ type, eventType, data }) =>
  String(type ?? eventType).startsWith(ofAzure) ? readEvents([data]) : undefined;

/** Event Grid's batch of them; undefined when none of its events is from a registry. */
export function readEventGrid(batch: readonly unknown[]): readonly Told[] | undefined {
  const ours = batch.filter((event) => isObject(event) && String(event.eventType ?? event.type).startsWith(ofAzure));
  return ours.length > 0 ? readEvents(ours.map((event) => asObject(event).data)) : undefined;
}

interface Push {
  readonly host: string;
  readonly repository: string;
  readonly digest: Digest;
  readonly isIndex: boolean;
  readonly isTagged: boolean;
  /** The digests it names, where the registry says them. */
  readonly references: readonly Digest[] | undefined;
}

/** A push for several platforms sends one event for each; only the index counts. */
function readEvents(events: readonly unknown[]): readonly Told[] {
  const pushes = events.map(readPush);
  const indexes = pushes.filter((push) => push?.isIndex);
  return pushes.map((push) => {
    if (!push) return nothing;
    const isPart = indexes.some((index) => index !== push && index?.repository === push.repository && holds(index, push));
    return isPart ? nothing : () => told(push);
  });
}

function told({ host, repository, digest, isTagged, isIndex, references = [] }: Push) {
  const parts = isIndex && references.length > 0 ? references.slice(0, mostParts) : undefined;
  return { ...named(`${host}/${repository}@${digest}`, host), ...(!isTagged && { untagged: true }), ...(parts && { parts }) };
}

function holds({ references }: Push, { digest, isTagged, isIndex }: Push): boolean {
  return references ? references.includes(digest) : !isTagged && !isIndex;
}

function readPush(event: unknown): Push | undefined {
  if (!isObject(event) || event.action !== "push" || !isObject(event.target)) return undefined;
  const { repository, digest, tag, url, artifactType, references } = event.target;
  // It is what the client wrote as Content-Type.
  const mediaType = textOf(event.target.mediaType)?.split(";", 1)[0]?.trim().toLowerCase();
  if (!manifestTypes.includes(mediaType) || typeof repository !== "string" || !isDigest(digest)) return undefined;
  if (whyNoImage({ tag: textOf(tag), artifactType: textOf(artifactType) }) !== undefined) return undefined;
  const host = hostOf(isObject(event.request) ? event.request.host : undefined, url);
  if (host === undefined) return undefined;
  const held = Array.isArray(references) ? references.map((reference) => asObject(reference).digest).filter(isDigest) : undefined;
  return {
    host,
    repository,
    digest,
    isIndex: indexTypes.includes(mediaType),
    isTagged: textOf(tag) !== undefined,
    references: held,
  };
}

/** The host that the image was pushed to; behind a proxy the registry's own URL can differ. */
function hostOf(host: unknown, url: unknown): string | undefined {
  if (typeof host === "string" && host !== "") return host;
  return typeof url === "string" && URL.canParse(url) ? new URL(url).host : undefined;
}
