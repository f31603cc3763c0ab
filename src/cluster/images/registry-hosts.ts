import { isSameRegistry } from "../../core/hosts/registry-names.ts";
import { imageReferenceOf } from "../../core/images/image-reference.ts";
import type { ImageStream } from "./image-streams.ts";

/** The hosts of the cluster's own registry. */
export interface RegistryHosts {
  /** Remembers the hosts that an image stream's status names. */
  learn(stream: ImageStream): void;
  /** Whether a host is the registry's, inside or outside. */
  owns(host: string): boolean;
  /** Whether a host could be the registry's internal address, and no image stream was read yet that shows it. */
  mayOwn(host: string): boolean;
  /** Whether a host is the registry's own inside the cluster. */
  isInternal(host: string): boolean;
  /** The host by which it is reached from outside, if known. */
  route(): string | undefined;
}

/** The hosts of OpenShift 4 and 3; clusters before 3.11 also use the service's address. */
const serviceName = /^(image-registry\.openshift-image-registry|docker-registry\.default)\.svc(\.cluster\.local)?(:\d+)?$/;
const serviceAddress = /^(10\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.)[\d.]+:\d+$/;

/** `given` is the registry's public host as the operator named it, with or without `https://`. */
export function createRegistryHosts(given: string | undefined): RegistryHosts {
  const addresses = new Set<string>();
  let route = given?.replace(/^https?:\/\//, "").replace(/\/.*$/, "");

  let isTold = false;

  const isRoute = (host: string) => route !== undefined && isSameRegistry(host, route);
  const isInternal = (host: string) => serviceName.test(host) || addresses.has(host);

  return {
    learn({ spec, status }) {
      route ??= hostOf(status?.publicDockerImageRepository);
      // Without a registry the status repeats the spec, which anybody can write.
      const inside = spec?.dockerImageRepository ? undefined : hostOf(status?.dockerImageRepository);
      isTold ||= inside !== undefined;
      if (inside && serviceAddress.test(inside)) addresses.add(inside);
    },
    owns: (host) => isInternal(host) || isRoute(host),
    mayOwn: (host) => !isTold && !isRoute(host) && serviceAddress.test(host),
    isInternal,
    route: () => route,
  };
}

function hostOf(repository: unknown): string | undefined {
  return imageReferenceOf(repository)?.registry;
}
