import { canonicalAddress } from "../../core/hosts/addresses.ts";

/** Token services outside of their registries' domains. */
const knownPairs: readonly (readonly [registry: RegExp, service: RegExp])[] = [
  [/^(?:[a-z0-9-]+\.)?docker\.(?:io|com)$/, /^auth\.docker\.io$/],
  [/^registry(?:\.connect)?\.redhat\.(?:io|com)$/, /^(?:sso|registry)\.redhat\.(?:io|com)$/],
  [/^nvcr\.io$/, /^authn\.nvidia\.com$/],
  [/^registry[a-z-]*\.[a-z0-9-]+\.aliyuncs\.com$/, /^dockerauth[a-z-]*\.[a-z0-9-]+\.aliyuncs\.com$/],
];

/** Domains whose subdomains have different owners: registries in clouds, and services that give out names. */
const shared: readonly string[] = [
  "aliyuncs.com",
  "amazonaws.com",
  "amazonaws.com.cn",
  "azurecr.cn",
  "azurecr.io",
  "azurecr.us",
  "azurewebsites.net",
  "cloudfront.net",
  "cluster.local",
  "github.io",
  "gitlab.io",
  "herokuapp.com",
  "jfrog.io",
  "localhost",
  "myhuaweicloud.com",
  "nip.io",
  "pkg.dev",
  "run.app",
  "sslip.io",
  "svc",
  "web.app",
  "xip.io",
];

/** What countries put before their own two letters (`co.uk`). */
const secondLevels = /^(?:ac|co|com|edu|go|gob|gov|gv|mil|ne|net|nom|or|org)$/;

/** Whether a registry and a token service have the same owner, judged by their names. Addresses, and names of one label, only match themselves. */
export function belongTogether(registry: string, service: string): boolean {
  if (knownPairs.some(([from, to]) => from.test(registry) && to.test(service))) return true;
  const domain = domainOf(registry);
  return domain !== undefined && domain === domainOf(service);
}

function domainOf(host: string): string | undefined {
  const labels = host.split(".");
  if (canonicalAddress(host) !== undefined || labels.length < 2) return undefined;
  const suffix = shared.find((one) => host.endsWith(`.${one}`));
  const [second = "", first = ""] = labels.slice(-2);
  const kept = suffix ? suffix.split(".").length + 1 : first.length === 2 && secondLevels.test(second) ? 3 : 2;
  // In a cluster a name belongs to its namespace, whose services anybody there may name.
  if (suffix === "svc" || suffix === "cluster.local") return undefined;
  return labels.length < kept ? undefined : labels.slice(-kept).join(".");
}
