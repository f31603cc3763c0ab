import { deserialize, serialize } from "node:v8";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Findings } from "../databases/database.ts";

/** A file of a package database, as one layer has it. */
export interface PickedFile {
  readonly path: string;
  /** The name of its database; `go` for a program. */
  readonly database: string;
  readonly findings?: Findings;
  /** Why nothing could be read of it, for people. */
  readonly trouble?: string;
  /** The packed bytes, where another layer may bring or take away what completes the file. */
  readonly raw?: Buffer;
  /** Whether it was read together with its companion of the same layer. */
  readonly isPaired?: boolean;
}

/** What is remembered of a layer. Paths have no leading slash. */
export interface LayerContents {
  readonly files: readonly PickedFile[];
  /** What the layer deletes of those below. */
  readonly whiteouts: readonly string[];
  /** Directories that this layer starts again, empty. */
  readonly opaque: readonly string[];
  /** Symbolic links and where they lead. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** Hard links that stand for a picked file, and the file they are. */
  readonly hardLinks: readonly (readonly [path: string, target: string])[];
  /** Parent directories of a system's database, which replace a link in a lower layer. */
  readonly directories: readonly string[];
  /** Everything else that replaces the same path in lower layers. */
  readonly others: readonly string[];
  /** What could not be read of the layer as a whole, for people. */
  readonly troubles: readonly string[];
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer Item)[] ? Item[] : T[Key] };

/** The same while it is written. */
export type GrowingContents = Mutable<LayerContents>;

/** A layer that holds nothing yet. */
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
