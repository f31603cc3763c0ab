/** One thing the bot asks of the cluster, and what it needs it for. */
export interface Right {
  readonly verb: "get" | "list" | "watch" | "patch" | "create";
  readonly group: string;
  /** The plural, with subresource. */
  readonly resource: string;
  readonly use: "builds" | "logs" | "names" | "scan" | "pull" | "annotations" | "events";
}

/** What the bot asks of image streams in a namespace it watches; each build source adds what it needs itself. */
export const imageRights: readonly Right[] = [
  { verb: "get", group: "image.openshift.io", resource: "imagestreams", use: "names" },
  { verb: "list", group: "image.openshift.io", resource: "imagestreams", use: "scan" },
];

/** Asked by the cluster's registry, of whoever pulls an image: the account that does it, or the bot itself. */
export const pullRight: Right = { verb: "get", group: "image.openshift.io", resource: "imagestreams/layers", use: "pull" };

/** What telling Events takes, of builds of every kind. */
export const eventRight: Right = { verb: "create", group: "events.k8s.io", resource: "events", use: "events" };
