import { lookup as resolveName } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

export interface AddressRules {
  /** Whether everything may be reached. */
  readonly allowLocal: boolean;
  /** Whether the bot runs in a pod, where loopback is the pod itself; elsewhere it is the machine of whoever runs the bot. */
  readonly inPod: boolean;
}

/**
 * Addresses behind which a machine's own credentials lie, and nobody's receiver: link-local ones (cloud metadata at 169.254.169.254 among them)
 * and the metadata services that AWS, Azure and Alibaba have elsewhere.
 */
const metadata = new BlockList();
metadata.addSubnet("169.254.0.0", 16, "ipv4");
metadata.addSubnet("fe80::", 10, "ipv6");
metadata.addAddress("fd00:ec2::254", "ipv6");
metadata.addAddress("168.63.129.16", "ipv4");
metadata.addAddress("100.100.100.200", "ipv4");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addSubnet("0.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
loopback.addAddress("::", "ipv6");

/** Whether no notification may go to an IP address. */
export function isRefusedAddress(text: string, { allowLocal, inPod }: AddressRules): boolean {
  if (allowLocal) return false;
  const address = text.replace(/%.*$/, "");
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  return metadata.check(address, family) || (inPod && loopback.check(address, family));
}

/** The address a URL names itself; undefined when it names a host to be looked up. */
export function literalAddress(url: string): string | undefined {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? undefined : host;
}

/** The code of the error for a host that resolves to refused addresses only. */
export const refusedCode = "EREFUSEDADDRESS";

/** Looks a host up as Node does, and leaves out what is refused: what is connected to is what was checked. */
export function guardedLookup(rules: AddressRules, resolve: typeof resolveName = resolveName): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const allowed = addresses.filter(({ address }) => !isRefusedAddress(address, rules));
      const [first] = allowed;
      if (!first) return callback(Object.assign(new Error(`${hostname} is refused`), { code: refusedCode }), []);
      if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
