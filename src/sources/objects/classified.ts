import type { BuildOutcome } from "../../core/builds/build-outcome.ts";
import type { BuildSource } from "../build-source.ts";
import { keyOf, type Metadata } from "./fields.ts";

/** What an object means, whatever its shape. An object that makes its source throw is ignored, so that the watch continues. */
export function classified({ kind, classify }: Pick<BuildSource, "kind" | "classify">, object: unknown): BuildOutcome {
  try {
    return classify(object);
  } catch {
    const { metadata } = (object ?? {}) as { readonly metadata?: Metadata };
    return {
      kind: "ignored",
      phase: "Error",
      build: keyOf(metadata, kind === "Build" ? undefined : kind),
      because: "unreadable",
    };
  }
}
