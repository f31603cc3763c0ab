/** A build's identity. Names are used again after their object was deleted; the uid never is. */
export interface BuildKey {
  /** Its kind: `BuildRun`, `PipelineRun`, …; absent: OpenShift's Build. */
  readonly kind?: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** A build as people name it: `[kind/]namespace/name`. */
export type NamedBuild = Pick<BuildKey, "kind" | "namespace" | "name">;

/** What people call a build's kind. */
export function kindOf({ kind = "Build" }: Pick<BuildKey, "kind">): string {
  return kind;
}
