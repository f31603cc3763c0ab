import type { Digest } from "../../core/images/image-reference.ts";
import type { ContentSummary, DescribedDocument } from "../inventory.ts";
import type { DescribedManifest, LayerDescriptor } from "../layers/manifest.ts";

/** Requests to a reader and its answers. Only plain data goes between threads. */
export interface ReaderTasks {
  describe: { readonly ask: { readonly mediaType: string; readonly bytes: Uint8Array }; readonly answer: DescribedManifest };
  /** A bill of materials that others wrote. */
  document: { readonly ask: { readonly bytes: Uint8Array }; readonly answer: DescribedDocument };
  /** Its bytes follow as blocks. The answer is what was found, packed for the cache. */
  layer: { readonly ask: Record<string, never>; readonly answer: Uint8Array };
  assemble: { readonly ask: AssembleParts; readonly answer: ReadContent };
}

export interface AssembleParts {
  readonly digest: Digest;
  readonly config: Uint8Array;
  readonly layers: readonly LayerDescriptor[];
  /** Packed; undefined for a layer that is skipped. */
  readonly contents: readonly (Uint8Array | undefined)[];
  /** What is known already of why the whole is not. */
  readonly reasons: readonly string[];
}

export interface ReadContent {
  /** Packed for the store, its packages included. */
  readonly packed: Uint8Array;
  readonly summary: ContentSummary;
}

export type TaskName = keyof ReaderTasks;

export type ToReader =
  | { readonly [Name in TaskName]: { readonly kind: Name; readonly ask: ReaderTasks[Name]["ask"] } }[TaskName]
  | { readonly kind: "block"; readonly bytes: Uint8Array }
  | { readonly kind: "end" };

export type FromReader =
  | { readonly kind: "took" }
  | { readonly kind: "answer"; readonly answer: unknown }
  | { readonly kind: "failed"; readonly message: string };
