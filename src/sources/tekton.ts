import type { Resource } from "../cluster/api/paths.ts";
import type { BuildKey } from "../core/builds/build.ts";
import type { BuildFacts, BuildOutcome } from "../core/builds/build-outcome.ts";
import { gitOrigin } from "../core/builds/git-origin.ts";
import { longestId, outsideText } from "../core/outside-text.ts";
import type { BuildSource, BuildSystem, SourceSettings } from "./build-source.ts";
import { findPodLog, isTektonStep, podLogRights } from "./logs/pod-log.ts";
import { entries, isSkipped, keyOf, known, labelsOf, type Metadata, ownerName, startOf, stringsOf } from "./objects/fields.ts";
import { type Condition, endOf } from "./objects/run-status.ts";
import {
  type HintedImages,
  hintedDocuments,
  hintedGit,
  hintedImages,
  pinned,
  type RunArtifact,
  type RunResult,
  resultText,
  withoutIgnored,
} from "./objects/type-hints.ts";
import { buildRunLabel } from "./shipwright.ts";

/** The used fields of a PipelineRun or TaskRun (tekton.dev/v1): tektoncd/pipeline, pkg/apis/pipeline/v1. */
interface Run {
  readonly metadata?: Metadata;
  readonly spec?: {
    readonly params?: readonly RunResult[] | null;
    readonly pipelineRef?: { readonly name?: string };
    readonly taskRef?: { readonly name?: string };
    readonly pipelineSpec?: Spec;
  };
  readonly status?: {
    readonly conditions?: readonly Condition[] | null;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly results?: readonly RunResult[] | null;
    readonly artifacts?: { readonly outputs?: readonly RunArtifact[] | null };
    readonly taskSpec?: Spec;
    readonly pipelineSpec?: Spec;
  };
}

/** What a Task or Pipeline declares. */
interface Spec {
  readonly results?: readonly { readonly name?: string }[] | null;
  readonly params?: readonly { readonly name?: string; readonly default?: unknown }[] | null;
}

const podsWith = (label: string) => ({ label, isStep: isTektonStep });

const version = { group: "tekton.dev", version: "v1" };
const pipelineRuns: Resource = { ...version, plural: "pipelineruns" };
const taskRuns: Resource = { ...version, plural: "taskruns" };

/** A busy namespace has ten thousand runs of 20 to 100 kB. */
const pageSize = 100;

/** Tekton's PipelineRuns and TaskRuns, as made by OpenShift Pipelines, Pipelines-as-Code and Konflux. */
export const tekton = {
  name: "tekton",
  title: "Tekton",
  origin: "Tekton: OpenShift Pipelines, Pipelines-as-Code, Konflux",
  selectorHint: "Konflux labels build pipelines with pipelines.appstudio.openshift.io/type=build.",
  sources: tektonRuns,
} as const satisfies BuildSystem;

function tektonRuns({ ignoreResults }: SourceSettings): readonly BuildSource[] {
  const pipelines: BuildSource = {
    name: "tekton",
    kind: "PipelineRun",
    owner: "Pipeline",
    console: { build: "tekton.dev~v1~PipelineRun" },
    resource: pipelineRuns,
    pageSize,
    classify: (object) => classifyRun(object as Run, "PipelineRun", ignoreResults),
    logRights: podLogRights,
    findLog: (api, build, _follow, signal) => findPodLog(api, pipelines, build, podsWith("tekton.dev/pipelineRun"), signal),
  };
  const tasks: BuildSource = {
    ...pipelines,
    kind: "TaskRun",
    owner: "Task",
    console: { build: "tekton.dev~v1~TaskRun" },
    resource: taskRuns,
    classify: (object) => classifyRun(object as Run, "TaskRun", ignoreResults),
    findLog: (api, build, _follow, signal) => findPodLog(api, tasks, build, podsWith("tekton.dev/taskRun"), signal),
  };
  return [pipelines, tasks];
}

function classifyRun(run: Run, kind: "PipelineRun" | "TaskRun", ignored: readonly string[]): BuildOutcome {
  const { conditions, startTime, completionTime } = run?.status ?? {};
  // A TaskRun that is retried is False for a moment, and then starts again.
  const { phase, reason } = endOf(conditions, startTime !== undefined, typeof completionTime === "string");
  const key = keyOf(run?.metadata, kind);
  if (!key) return { kind: "ignored", phase, build: undefined, because: "unreadable" };
  if (isSkipped(run.metadata)) return { kind: "ignored", phase, build: key, because: "excluded" };
  if (isOfBuildRun(run.metadata)) return { kind: "ignored", phase, build: key, because: "owned" };
  if (phase === "Pending" || phase === "Running") return { kind: "pending", phase, ...identity(run, key), ...startOf(startTime) };
  const { images, leftOut, isTold } = madeImages(run, ignored);
  const outputs = images.map((reference) => ({ kind: "reference" as const, reference }));
  // After a failure, or with only a digest, the image may not have been pushed.
  const doubt = phase === "Complete" && isTold ? {} : { ifMissing: "leave-out" as const };
  const ended = { phase, outputs, ...(leftOut > 0 && { leftOut }), ...doubt, ...facts(run, key) };
  if (phase === "Complete" && outputs.length > 0) return { kind: "succeeded", ...ended };
  if (phase === "Failed" && (outputs.length > 0 || declaresImages(run)))
    return { kind: "failed", reason: reason || phase, ...ended };
  if (phase === "Cancelled" && outputs.length > 0) return { kind: "failed", reason, ...ended };
  return { kind: "ignored", phase, build: key, because: phase === "Cancelled" ? "cancelled" : "no-output-image" };
}

function isOfBuildRun(metadata: Metadata | undefined): boolean {
  const owners = entries(metadata?.ownerReferences);
  return stringsOf(metadata?.labels)[buildRunLabel] !== undefined || owners.some(({ kind }) => kind === "BuildRun");
}

/** The images that a run names. A lone digest (`isTold` false) is joined with the name that the run was to push to. Perhaps it was never pushed. */
function madeImages(run: Run, ignored: readonly string[]): HintedImages & { readonly isTold: boolean } {
  const { status } = run;
  const hinted = hintedImages(status?.results, status?.artifacts?.outputs, ignored);
  const results = withoutIgnored(status?.results, ignored);
  const digest = resultText(results, "IMAGE_DIGEST") ?? resultText(results, "image-digest");
  if (hinted.images.length > 0 || digest === undefined) return { ...hinted, isTold: true };
  const name = ["IMAGE", "image", "output-image"].map((name) => parameter(run, name)).find(Boolean);
  const image = name === undefined ? undefined : pinned(name, digest);
  return { images: image ? [image] : [], leftOut: 0, isTold: false };
}

/** Whether it should build an image. Failures of other runs do not matter. */
function declaresImages({ spec, status }: Run): boolean {
  const declared = [status?.taskSpec, status?.pipelineSpec, spec?.pipelineSpec].flatMap((its) => entries(its?.results));
  return declared.some(
    ({ name }) => typeof name === "string" && /IMAGE_URL$|IMAGE_DIGEST$|^IMAGES$|^IMAGE_REF$|ARTIFACT_OUTPUTS$/.test(name),
  );
}

function identity(run: Run, key: BuildKey): BuildFacts {
  const labels = labelsOf(run.metadata);
  const isTask = key.kind === "TaskRun";
  const pipelineRun = isTask ? labels["tekton.dev/pipelineRun"] : key.name;
  const pipeline = pipelineOf(labels, pipelineRun);
  const named = isTask ? (run.spec?.taskRef?.name ?? labels["tekton.dev/task"]) : (run.spec?.pipelineRef?.name ?? pipeline);
  return known({
    build: key,
    labels,
    buildConfig: ownerName(key.namespace, named),
    ownerKind: isTask ? "Task" : "Pipeline",
    madeFor: isTask ? ownerName(key.namespace, pipelineRun) : undefined,
    pipeline: isTask ? ownerName(key.namespace, pipeline) : undefined,
    task: isTask ? outsideText(labels["tekton.dev/pipelineTask"], longestId) : undefined,
    hasParts: isTask ? undefined : true,
  });
}

/**
 * A run with a pipeline of its own has its own name as label: without what Kubernetes added to it, runs of one definition have the same.
 * Pipelines-as-Code says the name in its own label.
 */
function pipelineOf(labels: Readonly<Record<string, string>>, pipelineRun: string | undefined): string | undefined {
  const label = labels["tekton.dev/pipeline"];
  const own = label === pipelineRun ? label?.replace(/(?<=.)-[bcdfghjklmnpqrstvwxz2456789]{5}$/, "") : label;
  return labels["pipelinesascode.tekton.dev/original-prname"] ?? own;
}

function facts(run: Run, key: BuildKey): BuildFacts {
  const annotations = stringsOf(run.metadata?.annotations);
  const repository = annotations["build.appstudio.openshift.io/repo"] ?? annotations["pipelinesascode.tekton.dev/repo-url"];
  const documents = hintedDocuments(run.status?.results);
  const git = hintedGit(run.status?.results);
  const revision = annotations["build.appstudio.redhat.com/commit_sha"] ?? annotations["pipelinesascode.tekton.dev/sha"];
  return known({
    ...identity(run, key),
    severalImages: true,
    documents: documents.length > 0 ? documents : undefined,
    origin: gitOrigin(given(run, "CHAINS-GIT_URL") ?? git.url ?? repository),
    commit: outsideText(given(run, "CHAINS-GIT_COMMIT") ?? git.commit ?? revision, longestId),
    trigger: outsideText(triggerOf(annotations, labelsOf(run.metadata))),
    completedAt: outsideText(run.status?.completionTime, longestId),
  });
}

/** As in Tekton Chains: a result before a parameter, a parameter before its default. */
function given(run: Run, name: string): string | undefined {
  return resultText(run.status?.results, name) ?? parameter(run, name);
}

/** What a parameter was set to, else its default. */
function parameter({ spec, status }: Run, name: string): string | undefined {
  const defaults = [status?.taskSpec, status?.pipelineSpec, spec?.pipelineSpec]
    .flatMap((its) => entries(its?.params))
    .map((parameter) => ({ name: parameter.name, value: parameter.default }) as RunResult);
  return resultText(spec?.params, name) ?? resultText(defaults, name);
}

/** What the forge told Pipelines-as-Code, and the component of Konflux that was built. */
function triggerOf(annotations: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): string | undefined {
  const told = (name: string) =>
    annotations[`pipelinesascode.tekton.dev/${name}`] ?? labels[`pipelinesascode.tekton.dev/${name}`];
  const [event, number] = [told("event-type"), told("pull-request")];
  const [application, component] = ["application", "component"].map((name) => labels[`appstudio.openshift.io/${name}`]);
  const parts = [
    event && (number === undefined ? event : `${event} ${number}`),
    component && `component ${component}${application === undefined ? "" : ` of ${application}`}`,
  ];
  return parts.filter(Boolean).join(", ") || undefined;
}
