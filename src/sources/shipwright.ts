import type { Resource } from "../cluster/api/paths.ts";
import type { BuildKey } from "../core/builds/build.ts";
import type { BuildFacts, BuildOutcome } from "../core/builds/build-outcome.ts";
import { gitOrigin } from "../core/builds/git-origin.ts";
import type { ImageName } from "../core/images/image-name.ts";
import { imageReferenceOf, isDigest, withDigest } from "../core/images/image-reference.ts";
import { longestId, outsideText } from "../core/outside-text.ts";
import type { BuildSource, BuildSystem } from "./build-source.ts";
import { findPodLog, isTektonStep, podLogRights } from "./logs/pod-log.ts";
import { entries, isSkipped, keyOf, known, labelsOf, type Metadata, ownerName, startOf } from "./objects/fields.ts";
import { type Condition, endOf } from "./objects/run-status.ts";

/** The used fields of a BuildRun (shipwright.io/v1beta1): shipwright-io/build, pkg/apis/build/v1beta1/buildrun_types.go. */
interface BuildRun {
  readonly metadata?: Metadata;
  readonly spec?: {
    readonly build?: { readonly name?: string; readonly spec?: BuildSpec };
    readonly output?: { readonly image?: string };
    readonly paramValues?: readonly ParamValue[] | null;
  };
  readonly status?: {
    readonly conditions?: readonly Condition[] | null;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly buildSpec?: BuildSpec;
    readonly source?: { readonly git?: { readonly commitSha?: string } };
    readonly output?: { readonly digest?: string };
  };
}

interface BuildSpec {
  readonly source?: { readonly git?: { readonly url?: string } };
  readonly output?: { readonly image?: string };
  readonly paramValues?: readonly ParamValue[] | null;
}

/** Values of other parameters can be secrets and are not read. */
interface ParamValue {
  readonly name?: string;
  readonly value?: string;
}

const resource: Resource = { group: "shipwright.io", version: "v1beta1", plural: "buildruns" };

/** The label of everything that a BuildRun made, such as its TaskRun and its pod. */
export const buildRunLabel = "buildrun.shipwright.io/name";

const buildRuns: BuildSource = {
  name: "shipwright",
  kind: "BuildRun",
  owner: "Build",
  owners: { group: "shipwright.io", version: "v1beta1", plural: "builds", called: "builds.shipwright.io" },
  console: { build: "shipwright.io~v1beta1~BuildRun", owner: "shipwright.io~v1beta1~Build" },
  resource,
  pageSize: 250,
  classify: (object) => classifyBuildRun(object as BuildRun),
  logRights: podLogRights,
  findLog: (api, build, _follow, signal) =>
    findPodLog(api, buildRuns, build, { label: buildRunLabel, isStep: isTektonStep }, signal),
};

/** Shipwright. */
export const shipwright = {
  name: "shipwright",
  title: "Shipwright",
  origin: 'Shipwright, "Builds for Red Hat OpenShift"',
  sources: () => [buildRuns],
} as const satisfies BuildSystem;

function classifyBuildRun(run: BuildRun): BuildOutcome {
  const { conditions, startTime } = run?.status ?? {};
  const { phase, reason } = endOf(conditions, startTime !== undefined, true);
  const key = keyOf(run?.metadata, "BuildRun");
  if (!key) return { kind: "ignored", phase, build: undefined, because: "unreadable" };
  if (isSkipped(run.metadata)) return { kind: "ignored", phase, build: key, because: "excluded" };
  switch (phase) {
    case "Complete": {
      const output = outputImage(run);
      if (!output) return { kind: "ignored", phase, build: key, because: "no-output-image" };
      return { kind: "succeeded", phase, outputs: [output], ...facts(run, key) };
    }
    case "Failed":
      return { kind: "failed", phase, outputs: [], reason: reason || phase, ...facts(run, key) };
    case "Cancelled":
      return { kind: "ignored", phase, build: key, because: "cancelled" };
    default:
      return { kind: "pending", phase, ...identity(run, key), ...startOf(startTime) };
  }
}

/** The BuildRun's own image, or that of the Build when the run started. By digest if the strategy named one. */
function outputImage({ spec, status }: BuildRun): ImageName | undefined {
  const name = spec?.output?.image ?? status?.buildSpec?.output?.image ?? spec?.build?.spec?.output?.image;
  // Strategies write it with `echo`, and then it ends with a line break.
  const told = status?.output?.digest;
  const digest = typeof told === "string" ? told.trim() : undefined;
  const reference = imageReferenceOf(name);
  return reference && { kind: "reference", reference: isDigest(digest) ? withDigest(reference, digest) : reference };
}

function identity(run: BuildRun, key: BuildKey): Pick<BuildFacts, "build" | "buildConfig" | "labels"> {
  const labels = labelsOf(run.metadata);
  const buildConfig = ownerName(key.namespace, labels["build.shipwright.io/name"] ?? run.spec?.build?.name);
  return { build: key, labels, ...(buildConfig && { buildConfig, ownerKind: "Build" }) };
}

function facts(run: BuildRun, key: BuildKey): BuildFacts {
  const { spec, status } = run;
  const built = status?.buildSpec ?? spec?.build?.spec;
  const base = imageReferenceOf(parameter("run-image", spec, built) ?? parameter("builder-image", spec, built));
  return known({
    ...identity(run, key),
    // buildah used to name a wrong digest (shipwright-io/build#618, #1029).
    ifMissing: "by-tag",
    base: base && { kind: "reference", reference: base },
    origin: gitOrigin(built?.source?.git?.url),
    commit: outsideText(status?.source?.git?.commitSha, longestId),
    completedAt: outsideText(status?.completionTime, longestId),
  });
}

function parameter(name: string, ...specs: readonly (Pick<BuildSpec, "paramValues"> | undefined)[]): string | undefined {
  return specs.flatMap((spec) => entries(spec?.paramValues)).find((parameter) => parameter.name === name)?.value;
}
