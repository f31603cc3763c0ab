import { type Findings, type PackageDatabase, UnreadableDatabase } from "../databases/database.ts";
import { databases } from "../databases/index.ts";
import { type ArchiveEntry, type ArchiveLimits, type FileTaker, readArchive } from "./archive.ts";
import { type GrowingContents, type LayerContents, newContents, type PickedFile, unpackRaw } from "./contents.ts";
import { createEntryOrder, type EntryOrder } from "./entry-order.ts";
import { createGoScanner } from "./go-scanner.ts";
import { createKeeping, type Keeping } from "./keeping.ts";
import { isPlaceAbove, longestPath, normalPath } from "./paths.ts";
import { LayerLimit } from "./tar-header.ts";
import { unpackLayer } from "./unpack.ts";

interface LayerLimits extends ArchiveLimits {
  /** The most bytes of files that are kept unchanged. */
  readonly kept: number;
  /** Milliseconds of processor time for a layer. */
  readonly time: number;
}

/** The largest layers have some ten gigabytes, which take a minute or two. */
const layerLimits: LayerLimits = {
  entries: 1_000_000,
  names: 64 * 1024 * 1024,
  kept: 64 * 1024 * 1024,
  unpacked: 256 * 1024 ** 3,
  time: 300_000,
};

/**
 * Reads a layer once, from its packed bytes, and keeps what package databases need. Bad bytes never make it throw: if they end early or exceed a limit,
 * the layer's `troubles` say so. `spent` is the processor time of this thread in milliseconds.
 */
export async function readLayer(
  packed: AsyncIterable<Buffer>,
  limits: Partial<LayerLimits> = {},
  spent = () => 0,
): Promise<LayerContents> {
  const all = { ...layerLimits, ...limits };
  const contents = newContents();
  const keeping = createKeeping(contents, all.kept);
  const order = createEntryOrder();
  try {
    // Either side can be the larger one: bytes that unpack to gigabytes, and bytes that unpack to nothing.
    const inTime = createTimeLimit(all.time, spent);
    const unpacked = inTime(unpackLayer(inTime(packed)));
    await readArchive(unpacked, all, (entry) => {
      noteOrder(entry, order);
      return takeEntry(entry, contents, keeping);
    });
  } catch (error) {
    contents.troubles.push(troubleOf(error));
  }
  contents.troubles.push(...order.troubles());
  pairCompanions(contents);
  return contents;
}

function noteOrder({ path, type, target }: ArchiveEntry, order: EntryOrder): void {
  if (type === "symlink") order.note("symlink", path);
  else if (type === "file" && ownerOf(path)) order.note("file", path);
  else if (type === "link" && ownerOf(path)) order.noteLink(path, normalPath(target) ?? "");
}

function createTimeLimit(time: number, spent: () => number) {
  const since = spent();
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      if (spent() - since > time) throw new LayerLimit("it takes more time than is allowed");
      yield chunk;
    }
  };
}

function troubleOf(error: unknown): string {
  if (error instanceof LayerLimit) return error.message;
  return `it cannot be unpacked to its end (${error instanceof Error ? error.message : "unknown error"})`;
}

function takeEntry(entry: ArchiveEntry, contents: GrowingContents, keeping: Keeping): FileTaker | undefined {
  if (entry.type === "file" && !isWhiteout(entry.path)) return takeFile(entry, contents, keeping);
  note(entry, contents);
  return undefined;
}

function isWhiteout(path: string): boolean {
  return path.startsWith(".wh.", path.lastIndexOf("/") + 1);
}

/** Entries that change the tree and have no content. */
function note({ path, type, target }: ArchiveEntry, contents: GrowingContents): void {
  const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
  const base = path.slice(path.lastIndexOf("/") + 1);
  if (base === ".wh..wh..opq") contents.opaque.push(parent);
  else if (isWhiteout(path)) contents.whiteouts.push(parent ? `${parent}/${base.slice(4)}` : base.slice(4));
  else if (type === "symlink" && target.length <= longestPath) contents.links.push([path, target]);
  else if (type === "link") takeHardLink(path, target, contents);
  else if (type !== "directory") contents.others.push(path);
  else if (isPlaceAbove(path)) contents.directories.push(path);
}

function takeHardLink(path: string, linkname: string, contents: GrowingContents): void {
  // A target that leads nowhere is told as one that was not kept.
  const target = (normalPath(linkname) ?? linkname).slice(0, longestPath);
  if (ownerOf(path)) contents.hardLinks.push([path, target]);
  else contents.others.push(path);
}

/** The database of a file. A companion belongs to the database of its file. */
function ownerOf(path: string): PackageDatabase | undefined {
  return databases.find(
    ({ owns, companion }) =>
      owns(path) || (companion !== undefined && path.endsWith(companion) && owns(path.slice(0, -companion.length))),
  );
}

function takeFile(entry: ArchiveEntry, contents: GrowingContents, keeping: Keeping): FileTaker | undefined {
  const { path, size, isSparse } = entry;
  const database = ownerOf(path);
  const unread = (trouble: string) => void keeping.keep({ path, database: database?.name ?? "", trouble });
  if (!database) return scanFile(path, contents, keeping);
  if (isSparse) unread("it is stored as a sparse file, which is not read");
  else if (size > database.limit) unread(`it is larger than the ${database.limit} bytes that are read`);
  else return collect(size, (bytes) => keeping.keep(pickFile(path, bytes, database, keeping)));
  return undefined;
}

/**
 * Into one place from the start: pieces would be there twice once they are put together. Its memory is free afterwards, because large files can come
 * faster than the garbage collector.
 */
function collect(size: number, take: (bytes: Buffer) => void): FileTaker {
  const bytes = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  return {
    push(piece) {
      filled += piece.copy(bytes, filled);
    },
    end() {
      take(bytes.subarray(0, filled));
      bytes.buffer.transfer(0);
    },
  };
}

function pickFile(path: string, bytes: Buffer, database: PackageDatabase, keeping: Keeping): PickedFile {
  const isCompanion = !database.owns(path);
  const read = isCompanion ? {} : reading(() => database.read({ path, bytes }));
  if (database.companion === undefined) return { path, database: database.name, ...read };
  const raw = keeping.raw(bytes);
  return { path, database: database.name, ...read, ...(raw && { raw }) };
}

/** Findings, or why there are none. */
function reading(read: () => Findings): Pick<PickedFile, "findings" | "trouble"> {
  try {
    return { findings: read() };
  } catch (error) {
    if (error instanceof UnreadableDatabase) return { trouble: error.message };
    if (error instanceof RangeError) return { trouble: "code" in error ? "it breaks off in the middle" : error.message };
    throw error;
  }
}

const elf = Buffer.from("\x7fELF", "latin1");

/** A file that belongs to no database can be a program that Go built. */
function scanFile(path: string, contents: GrowingContents, keeping: Keeping): FileTaker {
  const scanner = createGoScanner();
  let head: Buffer = Buffer.alloc(0);
  let isProgram: boolean | undefined;
  return {
    push(piece) {
      if (isProgram) scanner.push(piece);
      if (isProgram !== undefined) return;
      head = head.length > 0 ? Buffer.concat([head, piece]) : piece;
      if (head.length < elf.length) return;
      isProgram = head.subarray(0, elf.length).equals(elf);
      if (isProgram) scanner.push(head);
      head = Buffer.alloc(0);
    },
    end() {
      const found = isProgram ? reading(() => scanner.end() ?? { packages: [] }) : undefined;
      if (found?.trouble || found?.findings?.packages.length) keeping.keep({ path, database: "go", ...found });
      else contents.others.push(path);
    },
  };
}

/** A file and its companion in the same layer are read together, in either order. */
function pairCompanions(contents: GrowingContents): void {
  const companions = new Map<string, PickedFile>();
  for (const file of contents.files.toReversed()) companions.set(file.path, file);
  for (const [index, file] of contents.files.entries()) {
    const database = databases.find(({ name }) => name === file.database);
    if (!database?.companion || !database.owns(file.path)) continue;
    const companion = companions.get(`${file.path}${database.companion}`);
    if (companion) contents.files[index] = readPair(database, file, companion);
  }
}

/** Reads the file again, with or without its companion. */
export function readPair(database: PackageDatabase, file: PickedFile, companion: PickedFile | undefined): PickedFile {
  const { path, raw } = file;
  const read = () => {
    if (!raw || (companion && !companion.raw)) throw new UnreadableDatabase("it is too large to be read together with its log");
    return database.read({ path, bytes: unpackRaw(raw), companion: companion?.raw && unpackRaw(companion.raw) });
  };
  return { path, database: database.name, ...(raw && { raw }), ...(companion && { isPaired: true }), ...reading(read) };
}
