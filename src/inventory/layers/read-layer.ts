import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { type Findings, type PackageDatabase, UnreadableDatabase } from "../databases/database.ts";
import { databases } from "../databases/index.ts";
import { type GrowingContents, type LayerContents, newContents, type PickedFile, packRaw, unpackRaw } from "./contents.ts";
import { createGoScanner } from "./go-scanner.ts";
import { isPlaceAbove, normalPath } from "./paths.ts";
import { unpackLayer } from "./unpack.ts";

interface LayerLimits {
  /** The most files, links and directories of a layer that are read. */
  readonly entries: number;
  /** The most bytes of files that are kept unchanged. */
  readonly kept: number;
  /** The most bytes that a layer can unpack to. */
  readonly unpacked: number;
}

const layerLimits: LayerLimits = { entries: 1_000_000, kept: 256 * 1024 * 1024, unpacked: 256 * 1024 ** 3 };

/**
 * Reads a layer once, from its packed bytes, and keeps what package databases need. Bad bytes never make it throw: if they end early or exceed a limit,
 * the layer's `troubles` say so.
 */
export async function readLayer(packed: AsyncIterable<Buffer>, limits = layerLimits): Promise<LayerContents> {
  const contents = newContents();
  const keeping = { left: limits.kept };
  const archive = extract({ allowUnknownFormat: true } as never);
  let entries = 0;
  archive.on("entry", (header, stream, next) => {
    stream.once("error", () => undefined);
    if (++entries > limits.entries) return next(new LayerLimit(`it has more than ${limits.entries} files`));
    stream.once("end", () => next());
    takeEntry(header, stream, contents, keeping);
  });
  try {
    await pipeline(Readable.from(bounded(unpackLayer(packed), limits.unpacked)), archive);
  } catch (error) {
    contents.troubles.push(troubleOf(error));
  }
  pairCompanions(contents);
  return contents;
}

class LayerLimit extends Error {}

async function* bounded(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > most) throw new LayerLimit(`it unpacks to more than ${most} bytes`);
    yield chunk;
  }
}

function troubleOf(error: unknown): string {
  if (error instanceof LayerLimit) return error.message;
  return `it cannot be unpacked to its end (${error instanceof Error ? error.message : "unknown error"})`;
}

type Keeping = { left: number };

/** A file of the archive while it is read. */
interface EntryStream {
  on(event: "data", listener: (chunk: unknown) => void): unknown;
  once(event: "end", listener: () => void): unknown;
  resume(): unknown;
}

function takeEntry(header: Header, stream: EntryStream, contents: GrowingContents, keeping: Keeping): void {
  const path = normalPath(header.name);
  const isFile = header.type === "file" || header.type === "contiguous-file";
  if (path && isFile && !isWhiteout(path)) takeFile(path, header.size ?? 0, stream, contents, keeping);
  else if (path) note(path, header, contents);
  stream.resume();
}

function isWhiteout(path: string): boolean {
  return path.startsWith(".wh.", path.lastIndexOf("/") + 1);
}

/** Entries that change the tree and have no content. */
function note(path: string, { type, linkname }: Header, contents: GrowingContents): void {
  const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
  const base = path.slice(path.lastIndexOf("/") + 1);
  if (base === ".wh..wh..opq") contents.opaque.push(parent);
  else if (isWhiteout(path)) contents.whiteouts.push(parent ? `${parent}/${base.slice(4)}` : base.slice(4));
  else if (type === "symlink") contents.links.push([path, linkname ?? ""]);
  else if (type === "link") takeHardLink(path, linkname ?? "", contents);
  else if (type !== "directory") contents.others.push(path);
  else if (isPlaceAbove(path)) contents.directories.push(path);
}

function takeHardLink(path: string, linkname: string, contents: GrowingContents): void {
  const target = normalPath(linkname);
  if (target !== undefined && ownerOf(path)) contents.hardLinks.push([path, target]);
  else contents.others.push(path);
}

/** The database of a file. A companion belongs to the database of its file. */
function ownerOf(path: string): PackageDatabase | undefined {
  return databases.find(
    ({ owns, companion }) =>
      owns(path) || (companion !== undefined && path.endsWith(companion) && owns(path.slice(0, -companion.length))),
  );
}

function takeFile(path: string, size: number, stream: EntryStream, contents: GrowingContents, keeping: Keeping): void {
  const database = ownerOf(path);
  if (!database) scanFile(path, stream, contents);
  else if (size <= database.limit)
    collect(size, stream, (bytes) => contents.files.push(pickFile(path, bytes, database, keeping)));
  else
    contents.files.push({
      path,
      database: database.name,
      trouble: `it is larger than the ${database.limit} bytes that are read`,
    });
}

/** Into one place from the start: pieces would be there twice once they are put together. */
function collect(size: number, stream: EntryStream, take: (bytes: Buffer) => void): void {
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  stream.on("data", (chunk) => {
    filled += (chunk as Buffer).copy(bytes, filled);
  });
  stream.once("end", () => take(bytes.subarray(0, filled)));
}

function pickFile(path: string, bytes: Buffer, database: PackageDatabase, keeping: Keeping): PickedFile {
  const isCompanion = !database.owns(path);
  const read = isCompanion ? {} : reading(() => database.read({ path, bytes }));
  if (database.companion === undefined) return { path, database: database.name, ...read };
  const raw = packRaw(bytes);
  keeping.left -= raw.length;
  return { path, database: database.name, ...read, ...(keeping.left >= 0 && { raw }) };
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
function scanFile(path: string, stream: EntryStream, contents: GrowingContents): void {
  const scanner = createGoScanner();
  let head: Buffer = Buffer.alloc(0);
  let isProgram: boolean | undefined;
  stream.on("data", (chunk) => {
    if (isProgram) scanner.push(chunk as Buffer);
    if (isProgram !== undefined) return;
    head = Buffer.concat([head, chunk as Buffer]);
    if (head.length < elf.length) return;
    isProgram = head.subarray(0, elf.length).equals(elf);
    if (isProgram) scanner.push(head);
    head = Buffer.alloc(0);
  });
  stream.once("end", () => {
    const found = isProgram ? reading(() => scanner.end() ?? { packages: [] }) : undefined;
    if (found?.trouble || found?.findings?.packages.length) contents.files.push({ path, database: "go", ...found });
    else contents.others.push(path);
  });
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
