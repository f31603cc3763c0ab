import { isObjectName } from "../../core/builds/object-name.ts";
import type { Clock } from "../../core/clock.ts";
import type { ImageReference } from "../../core/images/image-reference.ts";
import { isRefused } from "../api/retrying.ts";
import { asClusterError } from "../api/trouble.ts";
import type { ImageStreams } from "./image-streams-api.ts";
import type { RegistryHosts } from "./registry-hosts.ts";

/** Milliseconds after which a registry without a route is checked again. */
const lookAgainAfter = 60_000;

/** Names images of the cluster's own registry by its public host. */
export interface RegistryRoute {
  /** The image by its public name; unchanged if it is in another registry, or the registry has no route. Throws `JobError`. */
  externalImage(image: ImageReference, signal: AbortSignal): Promise<ImageReference>;
}

export function createRegistryRoute(streams: ImageStreams, hosts: RegistryHosts, clock: Clock): RegistryRoute {
  let absentSince: number | undefined;

  async function find(namespace: string, signal: AbortSignal): Promise<void> {
    await askStreams(streams, namespace, () => hosts.route() !== undefined, signal);
    absentSince = hosts.route() ? undefined : clock.now();
  }

  return {
    async externalImage(image, signal) {
      if (!hosts.isInternal(image.registry)) return image;
      const lookedLately = absentSince !== undefined && clock.now() - absentSince < lookAgainAfter;
      if (!hosts.route() && !lookedLately) await find(image.repository.split("/")[0] ?? "", signal);
      const registry = hosts.route();
      return registry ? { ...image, registry } : image;
    },
  };
}

/**
 * Reads an image stream to learn the registry's hosts: one of the namespace, then one of `openshift`, which every user can read. Streams that
 * cannot be read are skipped; other failures are thrown as a `JobError`.
 */
export async function askStreams(
  streams: Pick<ImageStreams, "any">,
  namespace: string,
  isKnown: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  for (const place of [namespace, "openshift"].filter(isObjectName)) {
    try {
      if (!isKnown()) await streams.any(place, signal);
    } catch (error) {
      if (isRefused(error, "Forbidden", "NotFound", "NotServed")) continue;
      throw asClusterError(error, { verb: "list", resource: "imagestreams", namespace: place });
    }
  }
}
