/** One right that the bot needs, and what for. */
export interface Right {
  readonly verb: "get" | "list" | "watch" | "patch" | "create";
  readonly group: string;
  /** The plural, with subresource. */
  readonly resource: string;
  /** What people call it, if the plural does not tell; see `Resource`. */
  readonly called?: string | undefined;
  /** The template under `openshift/` that grants it, without ending; absent: the one for writing. */
  readonly template?: string | undefined;
  readonly use: "builds" | "owners" | "logs" | "names" | "scan" | "pull" | "annotations" | "events";
}

/** What people call what it is for, with subresource. */
export function rightName({ resource, called = resource }: Right): string {
  return called;
}

/** The rights on image streams in a watched namespace; each build source adds its own. */
export const imageRights: readonly Right[] = [
  { verb: "get", group: "image.openshift.io", resource: "imagestreams", use: "names" },
  { verb: "list", group: "image.openshift.io", resource: "imagestreams", use: "scan" },
];

/** The cluster's registry asks for this right when an image is pulled, by the bot or its pull account. */
export const pullRight: Right = { verb: "get", group: "image.openshift.io", resource: "imagestreams/layers", use: "pull" };

/** The right to write Events, for builds of every kind. */
export const eventRight: Right = { verb: "create", group: "events.k8s.io", resource: "events", use: "events" };
