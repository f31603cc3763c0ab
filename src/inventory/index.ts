import { availableParallelism } from "node:os";
import type { Clock } from "../core/clock.ts";
import type { DatabaseSource } from "../postgres/index.ts";
import type { Inventory, KnownPackages } from "./inventory.ts";
import { createImageReader } from "./read-image.ts";
import { createCourtesy } from "./reading/courtesy.ts";
import { createReaders, ReaderError } from "./reading/readers.ts";
import { createSharedReads } from "./shared-reads.ts";
import { openThreadStore } from "./store/sqlite/thread-store.ts";

export { packageTables } from "./store/postgres/postgres-schema.ts";

export interface InventorySettings {
  /** Where packages are kept. */
  readonly directory: string;
  /** Bytes that the cache of layers can hold. */
  readonly layerCache: number;
  /** The database that keeps images and packages for all replicas, instead of the directory. */
  readonly database?: DatabaseSource | undefined;
  readonly clock: Clock;
}

/** Milliseconds that a reader can spend on one block or file: a hundred times what the largest takes. */
const patience = 120_000;

/** How many threads read at most: each can hold a file of 128 MiB, and what is unpacked of it. */
const mostThreads = 4;

/** Opens what was read so far, also while a bot reads more. Throws `SetupError`. */
export function openKnownPackages(settings: InventorySettings): Promise<KnownPackages & { close(): Promise<void> }> {
  return openThreadStore(settings);
}

/** Opens the inventory. Throws `SetupError`. */
export async function openInventory(settings: InventorySettings): Promise<Inventory> {
  const store = await openThreadStore(settings);
  const readers = createReaders({ threads: Math.min(Math.max(2, availableParallelism()), mostThreads), patience });
  const waitWhileBusy = createCourtesy();
  const readImage = createImageReader({ store, readers });
  const images = createSharedReads<void>();

  return {
    async read(image, signal) {
      const { digest } = image.reference;
      const known = digest && (await store.isSettled(digest)) ? await store.summary(digest) : undefined;
      if (known) return known;
      await waitWhileBusy(signal);
      const read = await readImage(image, signal);
      await images.join(read.digest, signal, () => store.keepImage(read.digest, read.contents, read.isSettled));
      return { digest: read.digest, contents: read.summaries };
    },
    async describeDocument(bytes, signal) {
      try {
        return await readers.ask("document", { bytes }, signal);
      } catch (error) {
        if (error instanceof ReaderError) return { kind: "unreadable", reason: error.message };
        throw error;
      }
    },
    known: store,
    images: store.images,
    forget: store.forget,
    async close() {
      await readers.close();
      await store.close();
    },
  };
}
