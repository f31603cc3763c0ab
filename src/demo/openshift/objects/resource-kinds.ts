/** Kinds with nothing special about them. Those of operators are missing until their group is installed. */
const plainKinds = [
  ["pods", "v1", "Pod"],
  ["serviceaccounts", "v1", "ServiceAccount"],
  ["namespaces", "v1", "Namespace"],
  ["buildruns", "shipwright.io/v1beta1", "BuildRun"],
  ["builds.shipwright.io", "shipwright.io/v1beta1", "Build"],
  ["pipelineruns", "tekton.dev/v1", "PipelineRun"],
  ["taskruns", "tekton.dev/v1", "TaskRun"],
  ["builds.kpack.io", "kpack.io/v1alpha2", "Build"],
] as const;

type PlainKind = (typeof plainKinds)[number];

/** The resources the emulated cluster keeps: their plurals, with the group where another has the same. */
export type ResourceName = "builds" | "imagestreams" | "events" | PlainKind[0];

/** Groups of APIs that an operator brings, and that a cluster lacks until it is installed. */
export type InstalledGroup = PlainKind[1] extends infer Version
  ? Version extends `${infer Group}/${string}`
    ? Group
    : never
  : never;

export interface ResourceKind {
  readonly resource: ResourceName;
  readonly plural: string;
  readonly group: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  /** The fields its field selectors know, besides `metadata.name` and `metadata.namespace`. */
  readonly fields: (object: ApiObject) => Readonly<Record<string, string>>;
  /** What a bookmark's object holds besides its kind and version: Go's empty value of this type. */
  readonly empty: object;
}

/** The part of an object every resource has; the rest is kept as it came. */
export interface ApiObject {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly dockerImageRepository?: string };
  readonly status?: { readonly phase?: string; readonly dockerImageRepository?: string };
}

const builds: ResourceKind = {
  resource: "builds",
  plural: "builds",
  group: "build.openshift.io",
  apiVersion: "build.openshift.io/v1",
  kind: "Build",
  singular: "",
  fields: (build) => ({
    status: build.status?.phase ?? "",
    podName: build.metadata?.annotations?.["openshift.io/build.pod-name"] ?? `${build.metadata?.name}-build`,
  }),
  empty: {
    spec: { source: { type: "None" }, strategy: {}, output: {}, resources: {}, postCommit: {}, nodeSelector: null },
    status: { phase: "", output: {} },
  },
};

const imageStreams: ResourceKind = {
  resource: "imagestreams",
  plural: "imagestreams",
  group: "image.openshift.io",
  apiVersion: "image.openshift.io/v1",
  kind: "ImageStream",
  singular: "",
  shortNames: ["is"],
  fields: (stream) => ({
    "spec.dockerImageRepository": stream.spec?.dockerImageRepository ?? "",
    "status.dockerImageRepository": stream.status?.dockerImageRepository ?? "",
  }),
  empty: { spec: { lookupPolicy: { local: false } }, status: { dockerImageRepository: "" } },
};

const events: ResourceKind = {
  resource: "events",
  plural: "events",
  group: "events.k8s.io",
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  singular: "event",
  shortNames: ["ev"],
  fields: () => ({}),
  empty: { eventTime: null, regarding: {} },
};

function plain([resource, apiVersion, kind]: PlainKind): ResourceKind {
  const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
  const [plural = ""] = resource.split(".");
  return { resource, plural, group, apiVersion, kind, singular: kind.toLowerCase(), fields: () => ({}), empty: {} };
}

export const resourceKinds: Readonly<Record<ResourceName, ResourceKind>> = {
  builds,
  imagestreams: imageStreams,
  events,
  ...(Object.fromEntries(plainKinds.map((kind) => [kind[0], plain(kind)])) as Record<PlainKind[0], ResourceKind>),
};

const installable = new Set(plainKinds.map((kind) => plain(kind).group).filter(Boolean));

/** Whether a cluster with these groups installed has a kind. */
export function isServed({ group }: ResourceKind, installed: ReadonlySet<string>): boolean {
  return !installable.has(group) || installed.has(group);
}

/** The kind a path names, if this cluster serves it. */
export function kindOf(group: string, plural: string, installed: ReadonlySet<string>): ResourceKind | undefined {
  const kinds = Object.values(resourceKinds).filter((kind) => isServed(kind, installed));
  return kinds.find((kind) => kind.group === group && kind.plural === plural);
}
