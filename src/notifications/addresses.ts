import { lookup as resolveName } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { addressKind } from "../core/hosts/addresses.ts";
import { guardedLookup as chooseOnLookup } from "../network/guarded-lookup.ts";

export interface AddressRules {
  /** Whether every address is allowed. */
  readonly allowLocal: boolean;
  /** Whether the bot runs in a pod, where loopback is the pod itself. Elsewhere it is the user's machine. */
  readonly inPod: boolean;
}

/** Whether notifications to an IP address are forbidden: metadata services and link-local addresses give out a machine's credentials, and are no receivers. */
export function isRefusedAddress(text: string, { allowLocal, inPod }: AddressRules): boolean {
  const kind = addressKind(text);
  return !allowLocal && (kind === "metadata" || kind === "link-local" || (inPod && kind === "loopback"));
}

/** The IP address in a URL; undefined when it has a host name. */
export function literalAddress(url: string): string | undefined {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? undefined : host;
}

/** Looks a host up as Node does, without refused addresses. */
export function guardedLookup(rules: AddressRules, resolve: typeof resolveName = resolveName): LookupFunction {
  return chooseOnLookup(async (_, addresses) => addresses.filter(({ address }) => !isRefusedAddress(address, rules)), resolve);
}
