import { lookup as resolveName } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { addressKind } from "../core/addresses.ts";
import { guardedLookup as chooseOnLookup } from "../network/guarded-lookup.ts";

export interface AddressRules {
  /** Whether everything may be reached. */
  readonly allowLocal: boolean;
  /** Whether the bot runs in a pod, where loopback is the pod itself; elsewhere it is the machine of whoever runs the bot. */
  readonly inPod: boolean;
}

/** Whether no notification may go to an IP address: behind metadata services and link-local addresses lie a machine's own credentials, and nobody's receiver. */
export function isRefusedAddress(text: string, { allowLocal, inPod }: AddressRules): boolean {
  const kind = addressKind(text);
  return !allowLocal && (kind === "metadata" || kind === "link-local" || (inPod && kind === "loopback"));
}

/** The address a URL names itself; undefined when it names a host to be looked up. */
export function literalAddress(url: string): string | undefined {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? undefined : host;
}

/** Looks a host up as Node does, and leaves out what is refused. */
export function guardedLookup(rules: AddressRules, resolve: typeof resolveName = resolveName): LookupFunction {
  return chooseOnLookup(async (_, addresses) => addresses.filter(({ address }) => !isRefusedAddress(address, rules)), resolve);
}
