import { type LookupAddress, lookup } from "node:dns";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";
import { createFewRecent } from "../../core/few-recent.ts";
import { type AddressKind, addressKind, canonicalAddress } from "../../core/hosts/addresses.ts";

export interface AddressGuardSettings {
  /** Whether the bot runs in a pod, where loopback cannot be a registry. */
  readonly inPod: boolean;
  /** Hosts and addresses of the API server. */
  readonly apiServer: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly find?: FindAddresses;
}

/** Looks up all addresses of a host. */
export type FindAddresses = (host: string, options: { readonly all: true }) => Promise<readonly LookupAddress[]>;

/** Which addresses the bot may be sent to by others. */
export interface AddressGuard {
  allows(address: string, kind: AddressKind, publicOnly: boolean): boolean;
  /** Those addresses of a host that may be connected to. */
  choose(hostname: string, addresses: readonly LookupAddress[], publicOnly: boolean): Promise<readonly LookupAddress[]>;
  readonly find: FindAddresses;
}

/** Names with a known public address, and for how long (ms). A name that later has only private addresses was changed to attack the bot. */
const publicMemory = { names: 1_000, time: 60 * 60_000 };

const lookupAll = promisify(lookup) as FindAddresses;

export function createAddressGuard({ inPod, apiServer, now, find = lookupAll }: AddressGuardSettings): AddressGuard {
  const own = new Set(inPod ? [...ownAddresses(), ...apiServer.flatMap((host) => canonicalAddress(host) ?? [])] : []);
  const seenPublic = createFewRecent<number>(publicMemory.names);

  return {
    allows,
    find,
    async choose(hostname, addresses, publicOnly) {
      const kinds = addresses.map((entry) => ({ entry, kind: addressKind(entry.address) ?? "unusable" }));
      const isPublic = kinds.some(({ kind }) => kind === "public");
      const strict = publicOnly || isPublic || wasPublic(hostname);
      if (isPublic) seenPublic.set(hostname, now());
      const allowed = kinds.filter(({ entry, kind }) => allows(entry.address, kind, strict)).map(({ entry }) => entry);
      return !strict && inPod && (await isOfSearchList(hostname, allowed)) ? [] : allowed;
    },
  };

  function allows(address: string, kind: AddressKind, publicOnly: boolean): boolean {
    if (publicOnly) return kind === "public";
    if (kind === "metadata" || kind === "link-local" || kind === "unusable") return false;
    return !own.has(canonicalAddress(address) ?? "") && (kind !== "loopback" || !inPod);
  }

  /** In a pod `app.shop` finds the service `app` of the namespace `shop` by the search list; with a dot at the end it does not. */
  async function isOfSearchList(hostname: string, addresses: readonly LookupAddress[]): Promise<boolean> {
    if (addresses.length === 0 || hostname.endsWith(".")) return false;
    const absolute = await find(`${hostname}.`, { all: true }).catch((): LookupAddress[] => []);
    return !addresses.some(({ address }) => absolute.some((entry) => entry.address === address));
  }

  function wasPublic(hostname: string): boolean {
    return now() - (seenPublic.get(hostname) ?? Number.NEGATIVE_INFINITY) < publicMemory.time;
  }
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((entries = []) =>
    entries.flatMap(({ address }) => canonicalAddress(address) ?? []),
  );
}
