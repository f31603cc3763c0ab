import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { longestPath, normalPath } from "./paths.ts";

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
  readonly type: NonNullable<Header["type"]>;
  readonly size: number;
  /** Where a link leads. */
  readonly target: string;
  /** Whether only parts of the file are in the archive, so that its bytes here are not its contents. */
  readonly isSparse: boolean;
}

/** The bytes of an entry. */
export interface EntryStream {
  on(event: "data", listener: (chunk: unknown) => void): unknown;
  once(event: "end", listener: () => void): unknown;
}

/** Why the rest of a layer is not read. The message is for people. */
export class LayerLimit extends Error {}

/**
 * Reads a tar archive, entry by entry. Programs do not agree on some archives: what container engines refuse or read otherwise ends it with a
 * `LayerLimit`, so that nobody hides files from this reader alone. Throws for damaged bytes as well.
 */
export async function readArchive(
  bytes: AsyncIterable<Buffer>,
  limits: ArchiveLimits,
  take: (entry: ArchiveEntry, stream: EntryStream) => void,
): Promise<void> {
  const archive = extract({ allowUnknownFormat: true } as never);
  const left = { entries: limits.entries, names: limits.names };
  archive.on("entry", (header, stream, next) => {
    stream.once("error", () => undefined);
    try {
      assertReadable(header, left, limits);
    } catch (error) {
      return next(error as Error);
    }
    const entry = entryOf(header);
    // Directories have no bytes, whatever their size says: the stream of one with a size never ends.
    if (header.type === "directory") queueMicrotask(next);
    else stream.once("end", () => next());
    if (entry) take(entry, stream);
    stream.resume();
  });
  await pipeline(Readable.from(bounded(bytes, limits.unpacked)), archive);
}

async function* bounded(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > most) throw new LayerLimit(`it unpacks to more than ${most} bytes`);
    yield chunk;
  }
}

const bare: readonly Header["type"][] = ["link", "symlink", "character-device", "block-device", "fifo"];
const mostAttributes = 1_000;

/** The reader knows no size of links and devices but the archive's. Container engines know that they have none, and read a file there. */
function assertReadable(header: Header, left: { entries: number; names: number }, limits: ArchiveLimits): void {
  const { type, size, name, linkname, pax } = header;
  if (--left.entries < 0) throw new LayerLimit(`it has more than ${limits.entries} files`);
  left.names -= Math.min(name.length, longestPath) + Math.min(linkname?.length ?? 0, longestPath);
  if (left.names < 0) throw new LayerLimit(`the names of its files have more than ${limits.names} characters`);
  if (type === null || type === undefined) throw new LayerLimit("it has a file of a kind that container engines do not know");
  if (!Number.isSafeInteger(size)) throw new LayerLimit("it has a file whose size is no number");
  if (size && bare.includes(type))
    throw new LayerLimit("it has a link or device with contents, which container engines read otherwise");
  if (hasMore(pax, mostAttributes)) throw new LayerLimit(`a file in it has more than ${mostAttributes} attributes`);
}

/** Without a list of them: there can be millions. */
function hasMore(attributes: unknown, most: number): boolean {
  let count = 0;
  for (const _ in attributes as object | null) if (++count > most) return true;
  return false;
}

const sparseMarks = ["GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.numblocks"];

/** A sparse file has another name in its own header (GNU tar: Sparse Formats). */
function entryOf({ name, type, size = 0, linkname, pax }: Header): ArchiveEntry | undefined {
  const attributes = (pax ?? {}) as Readonly<Record<string, string>>;
  const isSparse = sparseMarks.some((mark) => attributes[mark] !== undefined);
  const path = normalPath((isSparse && attributes["GNU.sparse.name"]) || name);
  return path && type ? { path, type, size, target: linkname ?? "", isSparse } : undefined;
}
