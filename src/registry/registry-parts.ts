import type { HostProcess } from "../children/run-directory.ts";
import type { Clock } from "../core/clock.ts";
import { noProxies, type Proxies } from "../core/hosts/proxy.ts";
import { createHostLimits, type HostLimits } from "./copying/host-limits.ts";
import { createRegistryHttp, type RegistryHttp } from "./http/registry-http.ts";
import { createCredentialHelpers } from "./logins/credential-helper.ts";
import { type CredentialSettings, type Credentials, createCredentials } from "./logins/credentials.ts";
import { trustedAuthorities } from "./trust/authorities.ts";
import { createCertificateReader } from "./trust/certificates.ts";
import { createHostTrust, type HostTrust, type HostTrustSettings } from "./trust/host-trust.ts";

export interface RegistrySettings extends CredentialSettings {
  readonly sourceVerifyTls: boolean;
  readonly destinationVerifyTls: boolean;
  readonly certsDirectory?: string | undefined;
  /** Copies at once against one registry host. */
  readonly perRegistry: number;
  /** Limits shared with others that ask registries; absent: its own limits. */
  readonly limits?: HostLimits | undefined;
  readonly proxies?: Proxies | undefined;
  /** Where others may send the bot; default: as outside a pod. */
  readonly hosts?: HostTrustSettings | undefined;
  readonly clock: Clock;
  /** The process that runs credential helpers; absent: none are run. */
  readonly host?: HostProcess | undefined;
}

/** What all parts that ask registries share: connections, logins, certificates, trust, and the limits that registries asked for. */
export interface RegistryParts {
  readonly http: RegistryHttp;
  readonly limits: HostLimits;
  readonly trust: HostTrust;
  readonly credentials: Credentials;
  readonly sourceVerifyTls: boolean;
  readonly destinationVerifyTls: boolean;
  readonly clock: Clock;
  /** The CA certificates trusted in addition to the system's, as PEM, read again each time. */
  readCertificates(): Promise<string>;
  /** Reads all files once. Throws an `Error` that says what to change if one cannot be read. Returns what in them cannot be used. */
  check(): Promise<readonly string[]>;
  close(): void;
}

const anywhere: HostTrustSettings = { inPod: false, apiServer: [], named: [], sources: [], isOwnRegistry: () => false };

export function createRegistryParts(settings: RegistrySettings): RegistryParts {
  const { clock, proxies = noProxies, hosts = anywhere, sourceVerifyTls, destinationVerifyTls, perRegistry, host } = settings;
  const credentials = createCredentials(settings, host && createCredentialHelpers({ host, clock, proxies }));
  const trust = createHostTrust({ ...hosts, alsoNamed: credentials.hosts }, clock.now);
  const certificates = createCertificateReader(settings.certsDirectory, clock.now);
  const http = createRegistryHttp({ clock, proxies, trust });
  return {
    http,
    trust,
    limits: settings.limits ?? createHostLimits(perRegistry, clock),
    credentials,
    sourceVerifyTls,
    destinationVerifyTls,
    clock,
    readCertificates: async () => (await certificates()).pem,
    async check() {
      // Here nothing waits for it yet.
      if (sourceVerifyTls || destinationVerifyTls) trustedAuthorities();
      const [logins, { unused }] = await Promise.all([credentials.check(), certificates()]);
      return [...logins, ...unused];
    },
    close: () => http.close(),
  };
}
