import type { Cluster, RegistryLogin } from "../../cluster/cluster.ts";
import { isSameRegistry } from "../../core/hosts/registry-names.ts";
import type { ImageReference } from "../../core/images/image-reference.ts";

export interface LoginSettings {
  readonly passToken: boolean;
  readonly sourceUser: string | undefined;
  readonly sourcePassword: string | undefined;
  /** The hosts that the source login is for; none means the cluster's own registry. */
  readonly sourceRegistry: readonly string[];
}

/**
 * Which login goes with an image. Whoever builds or imports an image chooses its registry, so a login goes only to hosts that the operator named
 * or that are the cluster's. The cluster's token, if it is passed at all, goes only to the cluster's registry.
 */
export function registryLogins(cluster: Pick<Cluster, "ownsImage" | "registryLogin">, settings: LoginSettings) {
  const { passToken, sourceUser, sourcePassword, sourceRegistry: hosts } = settings;
  const sourceLogin: RegistryLogin | undefined =
    sourceUser && sourcePassword ? { user: sourceUser, password: sourcePassword } : undefined;

  return {
    async loginFor(image: ImageReference, signal: AbortSignal): Promise<RegistryLogin | undefined> {
      if (passToken && cluster.ownsImage(image)) return cluster.registryLogin(signal);
      return isInSourceRegistry(image) ? sourceLogin : undefined;
    },
    isInSourceRegistry,
  };

  /** Whether an image is in the registry that the source login is for. All hosts of the cluster's registry count as one. */
  function isInSourceRegistry(image: ImageReference): boolean {
    if (!cluster.ownsImage(image)) return liesAt(image, hosts);
    return hosts.length === 0 || hosts.some((registry) => cluster.ownsImage({ ...image, registry }));
  }
}

/** Whether an image's registry is one of these hosts. */
export function liesAt({ registry }: ImageReference, hosts: readonly string[]): boolean {
  return hosts.some((host) => isSameRegistry(host, registry));
}
