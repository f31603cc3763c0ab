import type { FoundPackage } from "../../inventory.ts";
import { plainText, UnreadableDatabase } from "../database.ts";

const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  licence: 1014,
  architecture: 1022,
  sourceRpm: 1044,
  modularity: 5096,
} as const;

const types = { int32: 4, string: 6, stringArray: 8, translated: 9 } as const;
const mostEntries = 65_535;
const longestText = 2_000;

/**
 * The package of an rpm header. Undefined for a public key, which is stored like a package. The header has no magic, as in the databases (rpm:
 * lib/header.c). Throws `UnreadableDatabase`.
 */
export function readRpmHeader(header: Buffer): FoundPackage | undefined {
  const values = readTags(header);
  const name = text(values.get(tags.name));
  const version = text(values.get(tags.version));
  const release = text(values.get(tags.release));
  if (name === "gpg-pubkey") return undefined;
  if (!name || !version) throw new UnreadableDatabase("a package has no name or version");
  const epoch = values.get(tags.epoch);
  const full = `${typeof epoch === "number" && epoch > 0 ? `${epoch}:` : ""}${version}${release ? `-${release}` : ""}`;
  const [architecture, licence] = [text(values.get(tags.architecture)), text(values.get(tags.licence))];
  const [source, modularity] = [sourceOf(text(values.get(tags.sourceRpm)), epoch), text(values.get(tags.modularity))];
  return {
    ecosystem: "rpm",
    name,
    version: full,
    ...(architecture && { architecture }),
    ...(licence && { licence }),
    ...(source && { source }),
    ...(modularity && { modularity }),
  };
}

type Value = string | number | undefined;

function readTags(header: Buffer): Map<number, Value> {
  const [count, length] = [header.readInt32BE(0), header.readInt32BE(4)];
  const start = 8 + count * 16;
  if (count < 1 || count > mostEntries || length < 0 || start + length > header.length) {
    throw new UnreadableDatabase("a package's header does not fit its own sizes");
  }
  const wanted = new Set<number>(Object.values(tags));
  const data = header.subarray(start, start + length);
  const values = new Map<number, Value>();
  for (let at = 8; at < start; at += 16) {
    const tag = header.readInt32BE(at);
    if (wanted.has(tag)) values.set(tag, valueAt(data, header.readUInt32BE(at + 4), header.readInt32BE(at + 8)));
  }
  return values;
}

function valueAt(data: Buffer, type: number, offset: number): Value {
  if (type === types.int32) return data.readUInt32BE(offset);
  if (type !== types.string && type !== types.stringArray && type !== types.translated) return undefined;
  if (offset < 0 || offset >= data.length) throw new UnreadableDatabase("a package's header points outside itself");
  // No further than is kept: thousands of entries can point at the same long text.
  const start = data.subarray(offset, offset + longestText);
  const end = start.indexOf(0);
  if (end < 0 && start.length < longestText) throw new UnreadableDatabase("a text in a package's header has no end");
  return start.toString("utf8", 0, end < 0 ? longestText : end);
}

function text(value: Value): string | undefined {
  return typeof value === "string" ? plainText(value) : undefined;
}

/** Reads `name-version-release.src.rpm`. The source gets its package's epoch, as in Trivy and at Red Hat. */
export function sourceOf(file: string | undefined, epoch: unknown): FoundPackage["source"] {
  const [, name, version, release] = /^(.{1,500})-([^-]{1,300})-([^-]{1,300})\.(?:no)?src\.rpm$/.exec(file ?? "") ?? [];
  if (!name) return undefined;
  return { name, version: `${typeof epoch === "number" && epoch > 0 ? `${epoch}:` : ""}${version}-${release}` };
}
