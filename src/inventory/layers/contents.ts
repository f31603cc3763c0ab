import { deserialize, serialize } from "node:v8";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Findings } from "../databases/database.ts";

/** A file of a package database in one layer. */
export interface PickedFile {
  readonly path: string;
  /** The name of its database; `go` for a program. */
  readonly database: string;
  readonly findings?: Findings;
  /** Why nothing could be read of it, for people. */
  readonly trouble?: string;
  /** The packed bytes, if another layer can add or remove the companion that completes the file. */
  readonly raw?: Buffer;
  /** Whether it was read together with its companion in the same layer. */
  readonly isPaired?: boolean;
}

/** What is remembered of a layer. Paths have no leading slash. */
export interface LayerContents {
  readonly files: readonly PickedFile[];
  /** What the layer deletes from lower ones. */
  readonly whiteouts: readonly string[];
  /** Directories that this layer empties. */
  readonly opaque: readonly string[];
  /** Symbolic links and where they lead. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** Hard links to a file that is needed, and that file. */
  readonly hardLinks: readonly (readonly [path: string, target: string])[];
  /** Parent directories of a system's database, which replace a link in a lower layer. */
  readonly directories: readonly string[];
  /** Everything else that replaces the same path in lower layers. */
  readonly others: readonly string[];
  /** What could not be read in the layer as a whole, for people. */
  readonly troubles: readonly string[];
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer Item)[] ? Item[] : T[Key] };

/** The same while it is filled. */
export type GrowingContents = Mutable<LayerContents>;

/** An empty layer. */
export function newContents(): GrowingContents {
  return { files: [], whiteouts: [], opaque: [], links: [], hardLinks: [], directories: [], others: [], troubles: [] };
}

/** The contents as bytes for the cache. */
export function packContents(contents: LayerContents): Buffer {
  return zstdCompressSync(serialize(contents));
}

export function unpackContents(bytes: Buffer): LayerContents {
  return deserialize(zstdDecompressSync(bytes)) as LayerContents;
}

export function packRaw(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes);
}

export function unpackRaw(packed: Buffer): Buffer {
  return zstdDecompressSync(packed);
}
