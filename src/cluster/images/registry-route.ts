import type { Clock } from "../../core/clock.ts";
import type { ImageReference } from "../../core/image-reference.ts";
import { ApiError } from "../api/api-error.ts";
import { asClusterError } from "../api/trouble.ts";
import type { ImageStreams } from "./image-streams-api.ts";
import type { RegistryHosts } from "./registry-hosts.ts";

/** Milliseconds after which a registry that had no route is looked at again. */
const lookAgainAfter = 60_000;

/** Names images of the cluster's own registry by its public host. */
export interface RegistryRoute {
  /** The image as it is reached from outside; unchanged if it lies elsewhere or the registry has no route. Throws `JobError`. */
  externalImage(image: ImageReference, signal: AbortSignal): Promise<ImageReference>;
}

export function createRegistryRoute(streams: ImageStreams, hosts: RegistryHosts, clock: Clock): RegistryRoute {
  let absentSince: number | undefined;

  /** Any stream tells the route; those in `openshift` are readable for every user. */
  async function find(namespace: string, signal: AbortSignal): Promise<void> {
    for (const place of [namespace, "openshift"]) {
      try {
        if (!hosts.route()) await streams.any(place, signal);
      } catch (error) {
        if (error instanceof ApiError && ["Forbidden", "NotFound", "NotServed"].includes(error.fault)) continue;
        throw asClusterError(error, { verb: "list", resource: "imagestreams", namespace: place });
      }
    }
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
