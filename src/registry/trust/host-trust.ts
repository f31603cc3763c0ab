import type { LookupFunction } from "node:net";
import { addressKind, canonicalAddress } from "../../core/hosts/addresses.ts";
import { matchesRegistry } from "../../core/images/push-target.ts";
import { guardedLookup } from "../../network/guarded-lookup.ts";
import { urlOf } from "../http/registry-url.ts";
import { createAddressGuard, type FindAddresses } from "./address-guard.ts";
import { belongTogether } from "./owners.ts";
import { type RegistryVerdict, untrusted } from "./verdict.ts";

export interface HostTrustSettings {
  /** Whether the bot runs in a pod, where loopback and the cluster's own names cannot be registries. */
  readonly inPod: boolean;
  /** Hosts and addresses of the API server. */
  readonly apiServer: readonly string[];
  /** `host[:port]` that the operator named: the push registry, those of logins, BUILD_WATCHER_TRUSTED_HOSTS. One without port means any port. */
  readonly named: readonly string[];
  /** Further ones, that may change. */
  readonly alsoNamed?: () => readonly string[];
  /** Whether a host is the cluster's own registry. */
  readonly isOwnRegistry: (host: string) => boolean;
  /** Host patterns of the registries that images may come from (BUILD_WATCHER_SOURCE_REGISTRIES); none means all. */
  readonly sources: readonly string[];
}

/**
 * Where the bot may be sent by names that others choose: whoever builds an image names its registry, and a registry names token services and
 * redirects.
 */
export interface HostTrust {
  /** Throws a `RegistryVerdict` when a registry cannot be a source of images, as far as its name tells. */
  judgeSource(registry: string): void;
  /** Throws a `RegistryVerdict` when a URL's host must not be reached, as far as its name tells. `publicOnly`: what sent us there has a public address. */
  judge(url: URL, publicOnly: boolean): void;
  /** The same by a host's addresses, if the connection does not look them up itself. A host that is not found is allowed. */
  resolve(url: URL, publicOnly: boolean): Promise<void>;
  /** Looks hosts up and leaves out what must not be reached. */
  lookup(publicOnly: boolean): LookupFunction;
  /** Whether a registry's login may go to a token service. */
  isTokenService(registry: string, service: URL): boolean;
}

/** Names that only mean something in the cluster, or on a cloud's machine. */
const localName = /(^|\.)(localhost|svc|cluster\.local)$|^kubernetes(\.default)?$|^metadata(\.google\.internal)?$/;

export function createHostTrust(settings: HostTrustSettings, now: () => number, find?: FindAddresses): HostTrust {
  const { inPod, sources, apiServer } = settings;
  const fixed = settings.named.map((host) => host.toLowerCase());
  const named = () => [...fixed, ...(settings.alsoNamed?.() ?? [])];
  const guard = createAddressGuard({ inPod, apiServer, now, ...(find && { find }) });

  return {
    judgeSource(registry) {
      judge(urlOf(registry, "https", ""), false);
      if (sources.length === 0 || settings.isOwnRegistry(registry) || sources.some((one) => matchesRegistry(one, registry)))
        return;
      throw untrusted(
        `${registry} is not among the registries that images may come from (BUILD_WATCHER_SOURCE_REGISTRIES)`,
        registry,
      );
    },
    judge,
    async resolve(url, publicOnly) {
      judge(url, publicOnly);
      if (isNamed(url) || canonicalAddress(url.hostname)) return;
      const found = await guard.find(url.hostname, { all: true }).catch(() => undefined);
      if (found && (await guard.choose(url.hostname, found, publicOnly)).length === 0) throw refused(url.hostname, publicOnly);
    },
    lookup: (publicOnly) =>
      guardedLookup(async (name, addresses) => (isNamedForAnyPort(name) ? addresses : guard.choose(name, addresses, publicOnly))),
    isTokenService(registry, service) {
      const [from, to] = [hostNameOf(registry), service.hostname.toLowerCase()];
      return from === to || isNamed(service) || belongTogether(from, to);
    },
  };

  function judge(url: URL, publicOnly: boolean): void {
    if (isNamed(url)) return;
    const host = url.hostname.toLowerCase().replace(/\.$/, "");
    const kind = addressKind(host);
    if (kind === undefined ? inPod && isLocalName(host) : !guard.allows(host, kind, publicOnly)) throw refused(host, publicOnly);
  }

  function isLocalName(host: string): boolean {
    return localName.test(host) || apiServer.some((server) => server.toLowerCase() === host);
  }

  function isNamed(url: URL): boolean {
    const hostname = url.hostname.toLowerCase();
    const host = `${hostname}:${url.port || (url.protocol === "http:" ? "80" : "443")}`;
    const all = named();
    return [url.host, hostname, host].some((name) => settings.isOwnRegistry(name) || all.includes(name));
  }

  /** A lookup does not know the port, which was checked before. */
  function isNamedForAnyPort(hostname: string): boolean {
    const name = hostname.toLowerCase();
    return settings.isOwnRegistry(name) || named().some((entry) => hostNameOf(entry) === name);
  }
}

/** Whether images may come from this registry, judged by its name. */
export function createSourceCheck(settings: HostTrustSettings): (registry: string) => boolean {
  const trust = createHostTrust(settings, Date.now);
  return (registry) => {
    try {
      trust.judgeSource(registry);
      return true;
    } catch {
      return false;
    }
  };
}

function refused(host: string, publicOnly: boolean) {
  const why = publicOnly
    ? "it is no public address, and the registry that leads there has one"
    : "it is this machine's or the cluster's own, or a cloud's metadata service";
  return untrusted(
    `The bot does not connect to ${host}: ${why}. If that is right, name the host in BUILD_WATCHER_TRUSTED_HOSTS`,
    host,
  );
}

/** The message for a host whose addresses were all refused. */
export function refusedHost(host: string): RegistryVerdict {
  return refused(host, false);
}

/** The host of `host[:port]`, without brackets. */
function hostNameOf(registry: string): string {
  return registry.toLowerCase().replace(/:\d+$/, "");
}
