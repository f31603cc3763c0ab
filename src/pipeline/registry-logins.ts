import type { Cluster, RegistryLogin } from "../cluster/cluster.ts";
import type { ImageReference } from "../core/image-reference.ts";

export interface LoginSettings {
  readonly passToken: boolean;
  readonly sourceUser: string | undefined;
  readonly sourcePassword: string | undefined;
}

/**
 * Which login goes to the analysis service with an image. The cluster's token goes only with images of the cluster's own registry, and only
 * when passing it was asked for; the source login belongs to the registry that builds push to, so a base image gets it only if it lies there, too.
 */
export function registryLogins(cluster: Pick<Cluster, "ownsImage" | "registryLogin">, settings: LoginSettings) {
  const { passToken, sourceUser, sourcePassword } = settings;
  const sourceLogin: RegistryLogin | undefined =
    sourceUser && sourcePassword ? { user: sourceUser, password: sourcePassword } : undefined;

  return {
    async loginFor(
      image: ImageReference,
      output: ImageReference | undefined,
      signal: AbortSignal,
    ): Promise<RegistryLogin | undefined> {
      if (passToken && cluster.ownsImage(image)) return cluster.registryLogin(signal);
      return isInSourceRegistry(image, output) ? sourceLogin : undefined;
    },
    isInSourceRegistry,
  };

  /** Whether an image lies in the registry that builds push to; `output` is the image the build made. */
  function isInSourceRegistry(image: ImageReference, output: ImageReference | undefined): boolean {
    return output ? image.registry === output.registry : cluster.ownsImage(image);
  }
}
