import { DatabaseSync } from "node:sqlite";
import type { Digest } from "../../../core/images/image-reference.ts";
import { writeDocument } from "../../document.ts";
import type { DocumentFacts, ListedPackage, PackageDifference } from "../../inventory.ts";
import { packageUrl } from "../../purl.ts";
import { differ } from "../differ.ts";
import { createFinder, type Finder } from "../find.ts";
import { createFoundTable } from "./found-table.ts";
import { createImageTable, type ImageTable } from "./image-table.ts";
import { createLayerCache, type LayerCache } from "./layer-cache.ts";
import { prepareSchema } from "./schema.ts";

export interface SqliteStoreSettings {
  /** The database's file; it exists, and only its owner can read it. */
  readonly file: string;
  /** Bytes of layers that are remembered. */
  readonly layerCache: number;
}

/** A synchronous `PackageStore`, for its own thread. */
export interface SqliteStore extends LayerCache, ImageTable {
  find: Finder;
  packages(image: Digest, limit: number): readonly ListedPackage[] | undefined;
  compare(before: Digest, after: Digest, limit: number): PackageDifference | undefined;
  document(image: Digest, facts: DocumentFacts): Uint8Array | undefined;
  close(): void;
}

/** Milliseconds to wait for another process, which only ever writes for a moment. */
const busyTimeout = 5_000;

export function openSqliteStore({ file, layerCache }: SqliteStoreSettings): SqliteStore {
  const connection = new DatabaseSync(file, { timeout: busyTimeout });
  connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  prepareSchema(connection);
  const images = createImageTable(connection, createFoundTable(connection));
  return {
    ...createLayerCache(connection, layerCache),
    ...images,
    find: createFinder(connection),
    packages(image, limit) {
      const content = images.content(image);
      return content?.packages.slice(0, limit).map((one) => ({ ...one, purl: packageUrl(one, content.distribution) }));
    },
    compare(before, after, limit) {
      const [one, other] = [images.content(before), images.content(after)];
      return one && other && differ(one, other, limit);
    },
    document(image, facts) {
      const content = images.content(image);
      return content && writeDocument(content, facts);
    },
    close: () => connection.close(),
  };
}
