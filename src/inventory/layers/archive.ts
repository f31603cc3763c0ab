import { type ByteSource, createByteSource } from "./byte-source.ts";
import { longestPath, normalPath } from "./paths.ts";
import { blockSize, LayerLimit, nameOf, readAttributes, readTarHeader, type TarHeader } from "./tar-header.ts";

export interface ArchiveLimits {
  /** The most files, links and directories of a layer that are read. */
  readonly entries: number;
  /** The most characters that the paths and links of a layer have together. */
  readonly names: number;
  /** The most bytes that a layer can unpack to. */
  readonly unpacked: number;
}

/** A file, link or directory of an archive. */
export interface ArchiveEntry {
  /** Without dots, and without a slash at either end. */
  readonly path: string;
  readonly type: "file" | "link" | "symlink" | "device" | "directory";
  readonly size: number;
  /** Where a link leads. */
  readonly target: string;
  /** Whether only parts of the file are in the archive, so that its bytes here are not its contents. */
  readonly isSparse: boolean;
}

/** Takes the bytes of a file. */
export interface FileTaker {
  push(piece: Buffer): void;
  /** Called when all of them were there. */
  end(): void;
}

/**
 * Reads a tar archive, entry by entry, as container engines do (Go's archive/tar). Programs do not agree on some archives: what engines refuse, or what
 * one of them reads otherwise, ends it with a `LayerLimit`, so that nobody hides files from this reader alone. Throws for damaged bytes as well.
 */
export async function readArchive(
  bytes: AsyncIterable<Buffer>,
  limits: ArchiveLimits,
  take: (entry: ArchiveEntry) => FileTaker | undefined,
): Promise<void> {
  const source = createByteSource(bounded(bytes, limits.unpacked));
  const count = createCount(limits);
  try {
    for (let header = await nextHeader(source); header; header = await nextHeader(source)) {
      const entry = entryOf(header);
      count(header);
      const taker = entry && take(entry);
      if (header.contents > 0 && (await source.pass(header.contents, taker?.push)) > 0) throw breaksOff();
      taker?.end();
      await source.pass(paddingOf(header.contents));
    }
  } finally {
    source.close();
  }
}

async function* bounded(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > most) throw new LayerLimit(`it unpacks to more than ${most} bytes`);
    yield chunk;
  }
}

function createCount(limits: ArchiveLimits): (header: WholeHeader) => void {
  const left = { entries: limits.entries, names: limits.names };
  return ({ name, target }) => {
    if (--left.entries < 0) throw new LayerLimit(`it has more than ${limits.entries} files`);
    left.names -= name.length + Math.min(target.length, longestPath);
    if (left.names < 0) throw new LayerLimit(`the names of its files have more than ${limits.names} characters`);
  };
}

/** A header with what the extended ones before it say. */
interface WholeHeader extends TarHeader {
  /** How many bytes follow it. */
  readonly contents: number;
  readonly isSparse: boolean;
}

/** What the headers before an entry's own say of it. */
interface Extension {
  attributes?: ReadonlyMap<string, string>;
  longName?: string;
  longTarget?: string;
}

const longestExtension = 1024 * 1024;

/** Undefined at the end, which is two blocks of zeros. Whatever follows them is not part of the archive. */
async function nextHeader(source: ByteSource): Promise<WholeHeader | undefined> {
  const extension: Extension = {};
  for (;;) {
    const block = await source.take(blockSize);
    if (block.length === 0) return undefined;
    if (block.length < blockSize) throw breaksOff();
    const header = readTarHeader(block);
    if (!header) return atEnd(await source.take(blockSize));
    if (!"xgLK".includes(header.type)) return extended(header, extension);
    if (header.size > longestExtension) throw new LayerLimit(`it has a header of more than ${longestExtension} bytes`);
    const bytes = await source.take(header.size);
    if (bytes.length < header.size) throw breaksOff();
    await source.pass(paddingOf(header.size));
    extend(extension, header.type, bytes);
  }
}

function atEnd(block: Buffer): undefined {
  if (block.some((byte) => byte !== 0)) throw new LayerLimit("it goes on behind a block of zeros, where container engines stop");
}

function breaksOff(): Error {
  return new Error("it breaks off in the middle");
}

function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/** For engines, a header for all files means nothing, and ends what came before it. */
function extend(extension: Extension, type: string, bytes: Buffer): void {
  if (type === "L") extension.longName = nameOf(bytes);
  else if (type === "K") extension.longTarget = nameOf(bytes);
  else {
    const attributes = readAttributes(bytes);
    if (type === "x") extension.attributes = attributes;
    else if (Object.keys(extension).length > 0 || [...attributes.keys()].some((key) => decisive.test(key)))
      throw new LayerLimit("it has a header for all files, which container engines do not read");
  }
}

/** The attributes that change what a file is. */
const decisive = /^(?:path|linkpath|size|GNU\.sparse\..*)$/;

function extended(header: TarHeader, { attributes = new Map(), longName, longTarget }: Extension): WholeHeader {
  const [path, linkpath, size] = [attributes.get("path"), attributes.get("linkpath"), attributes.get("size")];
  if ((longName !== undefined && path) || (longTarget !== undefined && linkpath))
    throw new LayerLimit("it has a file with two names, of which container engines do not agree on one");
  if (size && !/^\d{1,15}$/.test(size)) throw new LayerLimit("it has a file whose size is no number");
  const all = { type: header.type, target: longTarget ?? (linkpath || header.target), size: size ? Number(size) : header.size };
  const name = longName ?? (path || header.name);
  const sparse = sparseName(attributes);
  const whole = { ...all, name: sparse || name, isSparse: sparse !== undefined };
  return { ...whole, contents: contentsOf(whole) };
}

/** How many bytes follow an entry. Those that have none by their kind have none, whatever their size says, but not for every program. */
function contentsOf({ type, name, size }: Pick<TarHeader, "type" | "name" | "size">): number {
  if (type === "5" || size === 0) return 0;
  if ("12346".includes(type))
    throw new LayerLimit("it has a link or device with contents, which container engines read otherwise");
  if (name.endsWith("/")) throw new LayerLimit("it has a directory with contents, which container engines read otherwise");
  return size;
}

/** A sparse file can have another name than in its own header, which may be none (GNU tar: Sparse Formats). Undefined for other files. */
function sparseName(attributes: ReadonlyMap<string, string>): string | undefined {
  if (![...attributes.keys()].some((key) => key.startsWith("GNU.sparse."))) return undefined;
  const [major, minor] = [attributes.get("GNU.sparse.major"), attributes.get("GNU.sparse.minor")];
  const isKnown = major || minor ? /^(?:0\.[01]|1\.0)$/.test(`${major}.${minor}`) : attributes.has("GNU.sparse.map");
  const name = attributes.get("GNU.sparse.name") ?? "";
  if (name && !isKnown) throw new LayerLimit("it has a sparse file that container engines read otherwise");
  return name;
}

const types: ReadonlyMap<string, ArchiveEntry["type"]> = new Map<string, ArchiveEntry["type"]>([
  ["0", "file"],
  ["\0", "file"],
  ["7", "file"],
  ["1", "link"],
  ["2", "symlink"],
  ["3", "device"],
  ["4", "device"],
  ["6", "device"],
  ["5", "directory"],
]);

/** Undefined for the root itself, and for a path that is too long for Linux. */
function entryOf({ name, type: kind, contents, target, isSparse }: WholeHeader): ArchiveEntry | undefined {
  const type = types.get(kind);
  if (!type) throw new LayerLimit("it has a file of a kind that container engines do not know");
  const path = normalPath(name);
  if (path === undefined) throw new LayerLimit("it has a name that leads out of the image");
  // A system cannot have it.
  if (path.length > longestPath) return undefined;
  const isDirectory = type === "file" && name.endsWith("/");
  return path ? { path, type: isDirectory ? "directory" : type, size: contents, target, isSparse } : undefined;
}
