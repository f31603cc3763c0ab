/** One thing the bot asks of the cluster, and what it needs it for. */
export interface Right {
  readonly verb: "get" | "list" | "watch" | "patch" | "create";
  readonly group: "build.openshift.io" | "image.openshift.io" | "events.k8s.io";
  /** The plural, with subresource. */
  readonly resource: "builds" | "builds/log" | "imagestreams" | "imagestreams/layers" | "events";
  readonly use: "builds" | "logs" | "names" | "scan" | "pull" | "annotations" | "events";
}

/** Everything the bot needs in a namespace it watches, and nothing else: the roles in `openshift/rbac*.yaml` hold the same. */
export const rights: readonly Right[] = [
  { verb: "list", group: "build.openshift.io", resource: "builds", use: "builds" },
  { verb: "watch", group: "build.openshift.io", resource: "builds", use: "builds" },
  { verb: "get", group: "build.openshift.io", resource: "builds/log", use: "logs" },
  { verb: "get", group: "image.openshift.io", resource: "imagestreams", use: "names" },
  { verb: "list", group: "image.openshift.io", resource: "imagestreams", use: "scan" },
  // Asked by the cluster's registry, of whoever pulls an image with the bot's token.
  { verb: "get", group: "image.openshift.io", resource: "imagestreams/layers", use: "pull" },
];

/** What it needs beyond that where it is told to write to the cluster: the roles in `openshift/rbac-writing*.yaml`. */
export const writingRights: readonly Right[] = [
  { verb: "patch", group: "build.openshift.io", resource: "builds", use: "annotations" },
  { verb: "create", group: "events.k8s.io", resource: "events", use: "events" },
];
