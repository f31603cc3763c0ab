/**
 * What lies behind an IP address: `loopback` is the machine (or pod) itself, `metadata` a cloud's metadata service outside the link-local range,
 * `private` a network that is not routed in public, `unusable` one that no machine can have (multicast, broadcast, reserved).
 */
export type AddressKind = "loopback" | "link-local" | "metadata" | "private" | "public" | "unusable";

/** The kind of an IP address in any of its spellings; an IPv6 address that carries an IPv4 one counts as that. Undefined for anything else. */
export function addressKind(text: string): AddressKind | undefined {
  const bytes = parseAddress(text);
  if (!bytes) return undefined;
  return bytes.length === 4 ? kindOf(bytes, rangesOfFour) : kindOfSix(bytes);
}

/** An address without brackets and zone, as URLs spell it (`0x7f.1` is `127.0.0.1`); undefined for a name. */
export function canonicalAddress(host: string): string | undefined {
  const bare = host.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const url = bare.includes(":") ? `http://[${bare}]/` : `http://${bare}/`;
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(hostname) ? hostname : undefined;
}

type Range = readonly [prefix: string, bits: number, kind: AddressKind];

/** RFC 6890 and the clouds' own: AWS and others at 169.254.169.254, Azure's wire server, Alibaba's and Oracle's metadata services. */
const rangesOfFour: readonly Range[] = [
  ["168.63.129.16", 32, "metadata"],
  ["100.100.100.200", 32, "metadata"],
  ["192.0.0.192", 32, "metadata"],
  ["0.0.0.0", 8, "loopback"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "link-local"],
  ["10.0.0.0", 8, "private"],
  ["172.16.0.0", 12, "private"],
  ["192.168.0.0", 16, "private"],
  ["100.64.0.0", 10, "private"],
  ["198.18.0.0", 15, "private"],
  ["192.0.0.0", 24, "private"],
  ["224.0.0.0", 3, "unusable"],
];

/** The same for IPv6; the first two are the metadata services of AWS and Google. */
const rangesOfSix: readonly Range[] = [
  ["fd00:ec2::254", 128, "metadata"],
  ["fd20:ce::254", 128, "metadata"],
  ["::1", 128, "loopback"],
  ["::", 128, "loopback"],
  ["fe80::", 10, "link-local"],
  ["fc00::", 7, "private"],
  ["fec0::", 10, "private"],
  ["ff00::", 8, "unusable"],
];

/**
 * Where an IPv6 address carries an IPv4 one, and at which byte: mapped, translated (RFC 2765), the two NAT64 prefixes (RFC 6052, RFC 8215),
 * 6to4, and IPv4-compatible addresses.
 */
const carriers: readonly (readonly [prefix: string, bits: number, at: number])[] = [
  ["::ffff:0:0", 96, 12],
  ["::ffff:0:0:0", 96, 12],
  ["64:ff9b::", 96, 12],
  ["64:ff9b:1::", 48, 12],
  ["2002::", 16, 2],
  ["::", 96, 12],
];

const teredo = "2001::";

function kindOfSix(bytes: readonly number[]): AddressKind {
  const own = kindOf(bytes, rangesOfSix);
  if (own !== "public") return own;
  if (startsWith(bytes, teredo, 32))
    return kindOf(
      bytes.slice(12).map((byte) => byte ^ 0xff),
      rangesOfFour,
    );
  const carrier = carriers.find(([prefix, bits]) => startsWith(bytes, prefix, bits));
  return carrier ? kindOf(bytes.slice(carrier[2], carrier[2] + 4), rangesOfFour) : "public";
}

function kindOf(bytes: readonly number[], ranges: readonly Range[]): AddressKind {
  return ranges.find(([prefix, bits]) => startsWith(bytes, prefix, bits))?.[2] ?? "public";
}

function startsWith(bytes: readonly number[], prefix: string, bits: number): boolean {
  return hasPrefix(bytes, parseAddress(prefix) ?? [], bits);
}

function hasPrefix(bytes: readonly number[], wanted: readonly number[], bits: number): boolean {
  if (wanted.length !== bytes.length) return false;
  return bytes.every((byte, index) => {
    const left = Math.min(Math.max(bits - index * 8, 0), 8);
    const mask = (0xff << (8 - left)) & 0xff;
    return (byte & mask) === ((wanted[index] ?? 0) & mask);
  });
}

/** Whether an address lies in a network in CIDR notation; a mapped IPv4 address is that address. False when either cannot be read. */
export function isInNetwork(text: string, network: string): boolean {
  const [, prefix = "", length = ""] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(network) ?? [];
  const [bytes, base] = [parseAddress(text), isAddress(prefix) ? parseAddress(prefix) : undefined];
  if (!bytes || !base || Number(length) > base.length * 8) return false;
  const bits = Number(length) - 8 * (base.length - unmapped(base).length);
  return bits >= 0 && hasPrefix(unmapped(bytes), unmapped(base), bits);
}

/** Whether a text is an address as Go reads one: no other spelling of numbers, and no zone. */
export function isAddress(text: string): boolean {
  const canonical = canonicalAddress(text);
  return canonical !== undefined && (text.includes(":") ? !text.includes("%") : canonical === text);
}

function unmapped(bytes: readonly number[]): readonly number[] {
  return bytes.length === 16 && startsWith(bytes, "::ffff:0:0", 96) ? bytes.slice(12) : bytes;
}

function parseAddress(text: string): readonly number[] | undefined {
  const address = canonicalAddress(text);
  if (address === undefined) return undefined;
  if (!address.includes(":")) return address.split(".").map(Number);
  const [head = "", tail] = address.split("::");
  const [before, after] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = tail === undefined ? [] : Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
