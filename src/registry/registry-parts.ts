import type { Clock } from "../core/clock.ts";
import type { Proxies } from "../core/proxy.ts";
import { type CredentialSettings, createCredentials } from "./credentials.ts";
import { createHostLimits, type HostLimits } from "./host-limits.ts";
import { createHostTrust, type HostTrust, type HostTrustSettings } from "./host-trust.ts";
import { createRegistryHttp, type RegistryHttp } from "./registry-http.ts";
import { readCertificates } from "./trust.ts";

export interface RegistrySettings extends CredentialSettings {
  readonly sourceVerifyTls: boolean;
  readonly destinationVerifyTls: boolean;
  readonly certsDirectory?: string | undefined;
  /** Copies at once against one registry host. */
  readonly perRegistry: number;
  readonly proxies?: Proxies | undefined;
  /** Where others may send the bot; default: as outside a pod. */
  readonly hosts?: HostTrustSettings | undefined;
  readonly clock: Clock;
}

/** What everything that asks registries has in common: connections, logins, certificates, trust, and the patience that registries asked for. */
export interface RegistryParts {
  readonly http: RegistryHttp;
  readonly limits: HostLimits;
  readonly trust: HostTrust;
  readonly credentials: ReturnType<typeof createCredentials>;
  readonly sourceVerifyTls: boolean;
  readonly destinationVerifyTls: boolean;
  readonly clock: Clock;
  /** The CA certificates trusted beside the system's, as PEM, read anew. */
  readCertificates(): Promise<string>;
  close(): void;
}

const anywhere: HostTrustSettings = { inPod: false, apiServer: [], named: [], sources: [], isOwnRegistry: () => false };

export function createRegistryParts(settings: RegistrySettings): RegistryParts {
  const { clock, proxies, hosts = anywhere, sourceVerifyTls, destinationVerifyTls, perRegistry, certsDirectory } = settings;
  const trust = createHostTrust(hosts, clock.now);
  const http = createRegistryHttp({ clock, proxies, trust });
  return {
    http,
    trust,
    limits: createHostLimits(perRegistry, clock),
    credentials: createCredentials(settings),
    sourceVerifyTls,
    destinationVerifyTls,
    clock,
    readCertificates: () => readCertificates(certsDirectory),
    close: () => http.close(),
  };
}
