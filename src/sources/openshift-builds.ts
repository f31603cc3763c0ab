import { builds, objectPath } from "../cluster/api/paths.ts";
import type { BuildKey } from "../core/builds/build.ts";
import type { BuildFacts, BuildOutcome } from "../core/builds/build-outcome.ts";
import { gitOrigin } from "../core/builds/git-origin.ts";
import { formatImageName, type ImageName, imageStreamName } from "../core/images/image-name.ts";
import { imageReferenceOf, isDigest, parseImageReference, withDigest } from "../core/images/image-reference.ts";
import { longestId, outsideText } from "../core/outside-text.ts";
import type { BuildSource, BuildSystem } from "./build-source.ts";
import { isUnderWay } from "./logs/pod-log.ts";
import { lastBase } from "./objects/dockerfile.ts";
import { entries, isSkipped, keyOf, known, labelsOf, type Metadata, ownerName, startOf, stringsOf } from "./objects/fields.ts";

/** The used fields of an OpenShift Build (build.openshift.io/v1). */
export interface Build {
  readonly metadata?: Metadata;
  readonly spec?: {
    readonly source?: {
      readonly git?: { readonly uri?: string; readonly ref?: string };
      /** An inline Dockerfile. */
      readonly dockerfile?: string;
      /** Images that files are taken from; `as` are the names in the Dockerfile that they replace. */
      readonly images?: readonly { readonly from?: ObjectReference; readonly as?: readonly string[] | null }[] | null;
    };
    readonly revision?: { readonly git?: { readonly commit?: string; readonly message?: string } };
    readonly strategy?: {
      readonly type?: string;
      readonly dockerStrategy?: {
        readonly from?: ObjectReference;
        readonly buildArgs?: readonly { readonly name?: string; readonly value?: string; readonly valueFrom?: unknown }[] | null;
      };
      readonly sourceStrategy?: { readonly from?: ObjectReference };
      readonly customStrategy?: { readonly from?: ObjectReference };
    };
    readonly output?: { readonly to?: ObjectReference };
    readonly triggeredBy?: readonly { readonly message?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly startTimestamp?: string;
    readonly completionTimestamp?: string;
    readonly outputDockerImageReference?: string;
    readonly output?: { readonly to?: { readonly imageDigest?: string } };
    readonly config?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
  };
}

/** A pointer to an image: `DockerImage`, `ImageStreamTag` or `ImageStreamImage`. */
export interface ObjectReference {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
}

/** The Builds that BuildConfigs and `oc new-build` make. */
export const openshiftBuilds: BuildSource = {
  name: "builds",
  kind: "Build",
  owner: "BuildConfig",
  console: { build: "builds", owner: "buildconfigs" },
  resource: builds,
  pageSize: 500,
  classify: (object) => classifyBuild(object as Build),
  logRights: [{ verb: "get", group: builds.group, resource: `${builds.plural}/log`, use: "logs" }],
  async findLog(api, { namespace, name }, follow) {
    // Without nowait the server delays the answer for half a minute, until a build runs.
    const path = `${objectPath(builds, namespace, name)}/log`;
    const part = { id: path, path, query: follow ? { follow } : { nowait: true } };
    return { parts: [part], isGrowing: (signal) => isUnderWay(api, openshiftBuilds, namespace, name, signal) };
  },
};

/** OpenShift itself. */
export const openshift = {
  name: "builds",
  title: "OpenShift",
  origin: "OpenShift itself",
  sources: () => [openshiftBuilds],
} as const satisfies BuildSystem;

/** Says what a Build means. Never throws. */
export function classifyBuild(build: Build): BuildOutcome {
  const phase = phaseOf(build?.status?.phase);
  const key = keyOf(build?.metadata);
  if (!key) return { kind: "ignored", phase, build: undefined, because: "unreadable" };
  if (isSkipped(build.metadata)) return { kind: "ignored", phase, build: key, because: "excluded" };
  switch (phase) {
    case "Complete":
      return classifyComplete(build, key);
    case "Failed":
    case "Error":
      return {
        kind: "failed",
        phase,
        outputs: [],
        reason: outsideText(build.status?.reason, longestId) ?? phase,
        ...facts(build, key),
      };
    case "Cancelled":
      return { kind: "ignored", phase, build: key, because: "cancelled" };
    default:
      return { kind: "pending", phase, ...identity(build, key), ...startOf(build.status?.startTimestamp) };
  }
}

function phaseOf(phase: unknown): BuildOutcome["phase"] {
  if (phase === undefined || phase === "") return "New";
  return phases.find((known) => known === phase) ?? "other";
}

const phases = ["New", "Pending", "Running", "Complete", "Failed", "Error", "Cancelled"] as const;

function classifyComplete(build: Build, key: BuildKey): BuildOutcome {
  const phase = "Complete";
  try {
    const output = outputImage(build, key.namespace);
    if (!output) return { kind: "ignored", phase, build: key, because: "no-output-image" };
    return { kind: "succeeded", phase, outputs: [output], ...facts(build, key) };
  } catch {
    return { kind: "ignored", phase, build: key, because: "unreadable" };
  }
}

/**
 * The image that came out, by digest where the builder reported one. `status.outputDockerImageReference` can be lost in a crash of the
 * build controller, or be no name; `spec.output.to` names the image then. Throws a `JobError` for a name that is none.
 */
function outputImage(build: Build, namespace: string): ImageName | undefined {
  const to = build.spec?.output?.to;
  const digest = build.status?.output?.to?.imageDigest;
  const name = build.status?.outputDockerImageReference;
  const reference = imageReferenceOf(name);
  const image: ImageName | undefined = reference ? { kind: "reference", reference } : imageOf(to, namespace);
  if (!image && typeof name === "string" && name !== "") parseImageReference(name);
  if (!image || !isDigest(digest)) return image;
  if (image.kind === "reference") return { kind: "reference", reference: withDigest(image.reference, digest) };
  return { kind: "stream-image", namespace: image.namespace, stream: image.stream, digest };
}

function identity(build: Build, key: BuildKey): Pick<BuildFacts, "build" | "buildConfig" | "labels"> {
  const config = build.status?.config;
  const name = config?.name || stringsOf(build.metadata?.annotations)["openshift.io/build-config.name"];
  const buildConfig = ownerName(config?.namespace || key.namespace, name);
  return { build: key, labels: labelsOf(build.metadata), ...(buildConfig && { buildConfig }) };
}

function facts(build: Build, key: BuildKey): BuildFacts {
  const { spec, status } = build;
  const base = baseImage(build, key.namespace);
  return known({
    ...identity(build, key),
    base,
    inputs: inputImages(build, key.namespace, base),
    origin: gitOrigin(spec?.source?.git?.uri),
    commit: outsideText(spec?.revision?.git?.commit, longestId),
    trigger: outsideText(Array.isArray(spec?.triggeredBy) ? spec.triggeredBy[0]?.message : undefined),
    completedAt: outsideText(status?.completionTimestamp, longestId),
  });
}

/** The base image: the strategy's `from`, or that of the last stage of an inline Dockerfile. None if it cannot be read. */
function baseImage(build: Build, namespace: string): ImageName | undefined {
  const { dockerStrategy, sourceStrategy, customStrategy } = build.spec?.strategy ?? {};
  const from = dockerStrategy?.from ?? sourceStrategy?.from ?? customStrategy?.from ?? (dockerStrategy && inlineBase(build));
  return imageOrNothing(from, namespace);
}

/** The last `FROM` of an inline Dockerfile, or the source image that replaces it. */
function inlineBase({ spec }: Build): ObjectReference | undefined {
  const dockerfile = spec?.source?.dockerfile;
  if (typeof dockerfile !== "string") return undefined;
  const given = entries(spec?.strategy?.dockerStrategy?.buildArgs).map(({ name, value, valueFrom }) => {
    const text = valueFrom ? undefined : (value ?? "");
    return [typeof name === "string" ? name : "", typeof text === "string" ? text : undefined] as const;
  });
  const name = lastBase(dockerfile, new Map(given));
  if (name === undefined) return undefined;
  return (
    entries(spec?.source?.images).find((image) => Array.isArray(image.as) && image.as.includes(name))?.from ?? {
      kind: "DockerImage",
      name,
    }
  );
}

/** The images that a build only takes files from, each once. */
function inputImages({ spec }: Build, namespace: string, base: ImageName | undefined): readonly ImageName[] | undefined {
  const named = entries(spec?.source?.images)
    .slice(0, mostInputs)
    .flatMap(({ from }) => imageOrNothing(from, namespace) ?? []);
  const byName = new Map(named.map((image) => [formatImageName(image), image]));
  if (base) byName.delete(formatImageName(base));
  return byName.size === 0 ? undefined : [...byName.values()];
}

const mostInputs = 8;

function imageOrNothing(reference: ObjectReference | undefined, namespace: string): ImageName | undefined {
  try {
    return imageOf(reference, namespace);
  } catch {
    return undefined;
  }
}

function imageOf(reference: ObjectReference | undefined, namespace: string): ImageName | undefined {
  const { kind, name } = reference ?? {};
  if (typeof name !== "string" || name === "") return undefined;
  if (kind === "DockerImage") return { kind: "reference", reference: parseImageReference(name) };
  return imageStreamName(reference?.namespace || namespace, name);
}
