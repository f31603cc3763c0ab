import type { Digest } from "../core/images/image-reference.ts";
import type { ReachableImage } from "./inventory.ts";
import type { LayerDescriptor } from "./layers/manifest.ts";
import { ReaderError, type Readers } from "./reading/readers.ts";
import { createSharedReads } from "./shared-reads.ts";
import type { PackageStore } from "./store/package-store.ts";

export interface ImageReaderParts {
  readonly store: Pick<PackageStore, "layer" | "keepLayer">;
  readonly readers: Readers;
}

/** A packed layer, or why it was not read. A skipped layer has neither. */
interface LayerOutcome {
  readonly contents?: Uint8Array;
  readonly trouble?: string;
}

export type ReadLayers = (
  image: ReachableImage,
  layers: readonly LayerDescriptor[],
  signal: AbortSignal,
) => Promise<readonly LayerOutcome[]>;

/** How many layers of an image are read at the same time. */
const layersAtOnce = 3;
/** The most bytes of what is found in the layers of one image, packed. That of a million files has some megabytes. */
const mostFound = 64 * 1024 * 1024;

/** Reads the layers of images. A layer is read once for all images that have it. */
export function createLayersReader({ store, readers }: ImageReaderParts): ReadLayers {
  const shared = createSharedReads<LayerOutcome>();

  return async (image, wanted, signal) => {
    const outcomes: LayerOutcome[] = [];
    const each = new Map<Digest, Promise<LayerOutcome>>();
    let found = 0;
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    let next = 0;
    const work = async () => {
      for (let index = next++; index < wanted.length; index = next++) {
        const layer = wanted[index];
        if (layer) outcomes[index] = layer.skipped ? {} : await once(layer);
      }
    };
    // An image can name the same layer a thousand times.
    const once = (layer: LayerDescriptor) => {
      const reading = each.get(layer.digest) ?? layerOf(image, layer, either).then(bounded);
      each.set(layer.digest, reading);
      return reading;
    };
    const bounded = (outcome: LayerOutcome): LayerOutcome => {
      found += outcome.contents?.length ?? 0;
      return found <= mostFound
        ? outcome
        : { trouble: `what was found in the layers of the image is more than ${mostFound} bytes` };
    };
    try {
      await Promise.all(Array.from({ length: Math.min(layersAtOnce, wanted.length) }, work));
    } catch (error) {
      // The first failure stops the others.
      failed.abort(error);
      throw error;
    }
    return outcomes;
  };

  async function layerOf(image: ReachableImage, { digest }: LayerDescriptor, signal: AbortSignal): Promise<LayerOutcome> {
    const known = await store.layer(digest);
    if (known) return { contents: known };
    return shared.join(digest, signal, async (its) => {
      try {
        const contents = await readers.readLayer(image.blob(digest, its), its);
        await store.keepLayer(digest, contents);
        return { contents };
      } catch (error) {
        if (error instanceof ReaderError && !its.aborted) return { trouble: error.message };
        throw error;
      }
    });
  }
}
