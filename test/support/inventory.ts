import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { type ImageReference, parseImageReference } from "../../src/core/images/image-reference.ts";
import { openInventory } from "../../src/inventory/index.ts";
import type { ImageSummary, Inventory } from "../../src/inventory/inventory.ts";
import { createImageReader, type ReadableImage } from "../../src/registry/reading/image-reader.ts";
import { openTestParts } from "./registry-parts.ts";

/** An inventory in a directory of its own, and the registry's door before it. */
export interface TestInventory extends AsyncDisposable {
  readonly inventory: Inventory;
  readonly directory: string;
  /** Opens an image in its registry. */
  open(image: ImageReference, signal: AbortSignal): Promise<ReadableImage>;
  /** Reads an image by its name. */
  read(name: string, signal?: AbortSignal): Promise<ImageSummary>;
  /** The packages of an image by name and version. */
  list(name: string): Promise<string[]>;
}

export async function openTestInventory(settings: { readonly layerCache?: number } = {}): Promise<TestInventory> {
  const directory = mkdtempSync(join(tmpdir(), "inventory-"));
  const inventory = await openInventory({ directory, layerCache: settings.layerCache ?? 2 ** 29, clock: systemClock });
  const parts = openTestParts();
  const reader = createImageReader(parts);
  const open = (image: ImageReference, signal: AbortSignal) => reader.open(image, { side: "source", ownLogin: false }, signal);
  const read = async (name: string, signal = new AbortController().signal) =>
    inventory.read(await open(parseImageReference(name), signal), signal);
  return {
    open,
    inventory,
    directory,
    read,
    async list(name) {
      const { digest } = await read(name);
      return ((await inventory.known.packages(digest, 10_000)) ?? []).map((one) => `${one.name} ${one.version}`);
    },
    async [Symbol.asyncDispose]() {
      await inventory.close();
      parts.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
