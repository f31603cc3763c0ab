import { createHash } from "node:crypto";
import { formatImageName, type ImageName } from "../images/image-name.ts";
import type { ImageReference } from "../images/image-reference.ts";
import type { BuildKey } from "./build.ts";

/** How far a build is, in the words of OpenShift's Builds; `other` is anything else. */
export type BuildPhase = "New" | "Pending" | "Running" | "Complete" | "Failed" | "Error" | "Cancelled" | "other";

/**
 * What a build of any build system means to the bot. A failed build can have images: those that were pushed before a later step failed.
 */
export type BuildOutcome = { readonly phase: BuildPhase } & (
  | ({ readonly kind: "succeeded"; readonly outputs: readonly ImageName[] } & BuildFacts)
  | ({ readonly kind: "failed"; readonly outputs: readonly ImageName[]; readonly reason: string } & BuildFacts)
  | ({ readonly kind: "pending" /** RFC 3339. */; readonly startedAt?: string } & Pick<
      BuildFacts,
      "build" | "buildConfig" | "ownerKind" | "labels" | "madeFor" | "pipeline" | "task" | "hasParts"
    >)
  | { readonly kind: "ignored"; readonly build: BuildKey | undefined; readonly because: IgnoredBecause }
);

/** `deleted`: it was deleted before it ended. `owned`: another object reports the same image. */
type IgnoredBecause = "cancelled" | "deleted" | "no-output-image" | "excluded" | "owned" | "unreadable";

/** `leave-out`: it may not have been pushed. `by-tag`: use its tag, because the builder may have named a wrong digest. */
export type IfMissing = "leave-out" | "by-tag";

/** What is known of an ended build. */
export interface BuildFacts {
  readonly build: BuildKey;
  /** `namespace/name` of what it was made from: the BuildConfig; absent for a build made by hand. */
  readonly buildConfig?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly base?: ImageName;
  /** The images it only takes files from; absent where there are none. */
  readonly inputs?: readonly ImageName[];
  /** The git URI it was built from, without credentials. */
  readonly origin?: string;
  readonly commit?: string;
  readonly trigger?: string;
  /** RFC 3339. */
  readonly completedAt?: string;
  /** Bills of materials that it says it pushed, each as repository and blob digest; absent where there are none. */
  readonly documents?: readonly ImageReference[];
  /** The kind that `buildConfig` names: Shipwright's `Build`, `Pipeline` or `Task`; absent: a BuildConfig. */
  readonly ownerKind?: string;
  /** Whether builds of its kind can make several images, each with its own job. */
  readonly severalImages?: boolean;
  /** How many more images it made than are taken in; absent: none. */
  readonly leftOut?: number;
  /** What to do when the registry does not have the digest that the build named; absent: it is not looked up. */
  readonly ifMissing?: IfMissing;
  /** Tells one image of several from the others; see `eachImage`. */
  readonly imageId?: string;
  /** Which of its images this is; absent where it made only one. */
  readonly place?: Place;
  /** `namespace/name` of the pipeline run that it is part of, and that reports its images if it can; and of the pipeline. */
  readonly madeFor?: string;
  readonly pipeline?: string;
  /** What its pipeline calls it: the name of the task. */
  readonly task?: string;
  /** Whether it consists of builds that are seen themselves and write its log. */
  readonly hasParts?: boolean;
}

/** One of several, counted from 1. */
export interface Place {
  readonly at: number;
  readonly of: number;
}

/** The outcome of an object that was deleted: if it had not ended, it never will. */
export function ofDeleted(outcome: BuildOutcome): BuildOutcome {
  if (outcome.kind !== "pending") return outcome;
  return { kind: "ignored", phase: outcome.phase, build: outcome.build, because: "deleted" };
}

/** The build once per image that it made. */
export function eachImage(outcome: BuildOutcome): readonly BuildOutcome[] {
  if (!("outputs" in outcome) || !outcome.severalImages || outcome.outputs.length === 0) return [outcome];
  const { outputs } = outcome;
  return outputs.map((output, index) => {
    const imageId = createHash("sha256").update(formatImageName(output)).digest("hex").slice(0, 12);
    return {
      ...outcome,
      outputs: [output],
      imageId,
      ...(outputs.length > 1 && { place: { at: index + 1, of: outputs.length } }),
    };
  });
}

/** A build with this annotation set to "true" is left alone. */
export const skipAnnotation = "build-watcher.thoth-station.ninja/skip";
