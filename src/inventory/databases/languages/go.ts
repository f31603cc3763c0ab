import type { FoundPackage } from "../../inventory.ts";
import { type Findings, mostPackages, plainText, UnreadableDatabase } from "../database.ts";
import { lines } from "../stanzas.ts";

/** The first bytes of a Go program's build info (go: debug/buildinfo/buildinfo.go). It starts at a multiple of 16 bytes. */
export const goMagic = Buffer.from("\xff Go buildinf:", "latin1");
export const goAlignment = 16;
/** The most bytes of build info. That of Kubernetes has 40 kB. */
export const goLimit = 2 * 1024 * 1024;

/** The bytes before and after its list of modules. */
const sentinel = 16;

/**
 * The modules in a Go program's build info. Undefined if the bytes only look like build info, as in programs that read it. Throws
 * `UnreadableDatabase` for build info of Go before 1.18.
 */
export function readGoBuildInfo(info: Buffer): Findings | undefined {
  if (info.length < 32 || !info.subarray(0, goMagic.length).equals(goMagic)) return undefined;
  const [pointerSize, flags] = [info[14] ?? 0, info[15] ?? 0];
  if ((flags & 2) === 0) {
    if (pointerSize !== 4 && pointerSize !== 8) return undefined;
    throw new UnreadableDatabase("it was built by Go before 1.18, whose list of modules is not read");
  }
  const version = textAt(info, 32);
  const go = version && /^(?:go|devel)/.test(version.text) ? plainText(version.text) : undefined;
  if (!version || !go) return undefined;
  const modules = textAt(info, version.end);
  if (!modules) throw new UnreadableDatabase("its list of modules breaks off");
  return { packages: [...standardLibrary(go), ...modulesOf(modules.bytes.subarray(sentinel, -sentinel))] };
}

function standardLibrary(go: string): FoundPackage[] {
  const version = /^go(\d\S*)/.exec(go)?.[1];
  return version ? [{ ecosystem: "golang", name: "stdlib", version: `v${version}` }] : [];
}

/** Reads lines of `path`, `mod`, `dep` and `=>`. The last one replaces the dependency above it. */
function modulesOf(text: Buffer): FoundPackage[] {
  const found: FoundPackage[] = [];
  for (const line of lines(text)) {
    if (!/^(?:mod|dep|=>)\t/.test(line)) continue;
    const [kind, path, version] = line.split("\t").map(plainText);
    if (kind === "=>") found.pop();
    if (found.length >= mostPackages) throw new RangeError(`it has more than ${mostPackages} modules`);
    // A program built from its own source tree has no version.
    found.push({ ecosystem: "golang", name: path ?? "", version: version === "(devel)" ? "" : (version ?? "") });
  }
  return found.filter(({ name }) => name);
}

/** A text after its length, a varint with 7 bits in each byte. */
function textAt(info: Buffer, at: number): { bytes: Buffer; text: string; end: number } | undefined {
  let length = 0;
  let next = at;
  for (let shift = 0; ; shift += 7) {
    const byte = info[next++];
    if (byte === undefined || shift > 28) return undefined;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (next + length > info.length) return undefined;
  const bytes = info.subarray(next, next + length);
  return { bytes, text: bytes.toString("utf8"), end: next + length };
}
