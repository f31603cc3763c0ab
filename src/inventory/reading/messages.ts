import type { Digest } from "../../core/images/image-reference.ts";
import type { ContentSummary, DescribedDocument } from "../inventory.ts";
import type { DescribedManifest, LayerDescriptor } from "../layers/manifest.ts";

/** Requests to a reader and its answers. Threads exchange only plain data. */
export interface ReaderTasks {
  describe: { readonly ask: { readonly mediaType: string; readonly bytes: Uint8Array }; readonly answer: DescribedManifest };
  /** A bill of materials that somebody else wrote. */
  document: { readonly ask: { readonly bytes: Uint8Array }; readonly answer: DescribedDocument };
  /** The bytes follow as blocks. The answer is what was found, packed for the cache. */
  layer: { readonly ask: Record<string, never>; readonly answer: Uint8Array };
  assemble: { readonly ask: AssembleParts; readonly answer: ReadContent };
}

export interface AssembleParts {
  readonly digest: Digest;
  readonly config: Uint8Array;
  readonly layers: readonly LayerDescriptor[];
  /** Packed. Undefined for a skipped layer. */
  readonly contents: readonly (Uint8Array | undefined)[];
  /** Why the whole is not complete, as far as that is known. */
  readonly reasons: readonly string[];
}

export interface ReadContent {
  /** Packed for the store, with its packages. */
  readonly packed: Uint8Array;
  readonly summary: ContentSummary;
}

export type TaskName = keyof ReaderTasks;

export type ToReader =
  | { readonly [Name in TaskName]: { readonly kind: Name; readonly ask: ReaderTasks[Name]["ask"] } }[TaskName]
  | { readonly kind: "block"; readonly bytes: Uint8Array }
  | { readonly kind: "end" };

/** What a thread says of its task. */
export type OfTask =
  | { readonly kind: "took" }
  | { readonly kind: "answer"; readonly answer: unknown }
  | { readonly kind: "failed"; readonly message: string };

export type FromReader =
  | OfTask
  /** It waits for bytes, and holds more memory than a thread in place of another may. Sent when that changes. */
  | { readonly kind: "holds"; readonly isHeavy: boolean };
