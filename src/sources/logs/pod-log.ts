import type { Api } from "../../cluster/api/api.ts";
import { ApiError } from "../../cluster/api/api-error.ts";
import { listPath, objectPath, pods, resourceName } from "../../cluster/api/paths.ts";
import type { Right } from "../../cluster/rights.ts";
import type { NamedBuild } from "../../core/builds/build.ts";
import type { BuildSource, FoundLog, LogPart } from "../build-source.ts";
import { entries, type Metadata, stringsOf } from "../objects/fields.ts";

/** The used fields of a pod. */
interface Pod {
  readonly metadata?: Metadata;
  readonly spec?: { readonly initContainers?: readonly Container[] | null; readonly containers?: readonly Container[] | null };
  readonly status?: {
    readonly phase?: string;
    readonly startTime?: string;
    readonly initContainerStatuses?: readonly ContainerStatus[] | null;
    readonly containerStatuses?: readonly ContainerStatus[] | null;
  };
}

interface Container {
  readonly name?: string;
}

interface ContainerStatus extends Container {
  readonly state?: { readonly waiting?: object };
}

/** Where a run's log is: in the pods with its label, in those of their containers that are steps. */
export interface PodLogPlace {
  readonly label: string;
  readonly isStep: (container: string) => boolean;
}

/** The rights for `findPodLog` and for reading the log. */
export const podLogRights: readonly Right[] = [
  { verb: "list", group: pods.group, resource: pods.plural, use: "logs" },
  { verb: "get", group: pods.group, resource: `${pods.plural}/log`, use: "logs" },
];

/** The containers of Tekton's steps; its other ones prepare them, or are sidecars. */
export const isTektonStep: PodLogPlace["isStep"] = (container) => container.startsWith("step-");

/** The log of a run: that of its pods in the order in which they started. */
export async function findPodLog(
  api: Api,
  source: BuildSource,
  { namespace, name }: NamedBuild,
  { label, isStep }: PodLogPlace,
  signal: AbortSignal,
): Promise<FoundLog> {
  const answer = (await api.getJson(listPath(pods, namespace), { labelSelector: `${label}=${name}` }, signal)) as {
    items?: unknown;
  };
  const found = entries(answer?.items as readonly Pod[]).toSorted(
    (a, b) => Number(beganAt(a) > beganAt(b)) - Number(beganAt(a) < beganAt(b)),
  );
  if (found.length === 0 && !(await find(api, source, namespace, name, signal)))
    throw new ApiError("NotFound", `${resourceName(source.resource)} "${name}" not found`, { status: 404 });
  return {
    isOfPods: true,
    parts: found.flatMap((pod) => partsOf(pod, namespace, isStep)),
    isGrowing: (its) => isUnderWay(api, source, namespace, name, its),
  };
}

/** Whether the run still goes on. The end of its log does not say: a server that shuts down also ends logs. Needs the right to list, which the bot has. */
export async function isUnderWay(
  api: Api,
  source: BuildSource,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const object = await find(api, source, namespace, name, signal).catch(() => undefined);
  return object !== undefined && source.classify(object).kind === "pending";
}

/** Needs only the right to list. Throws `ApiError`. */
async function find(
  api: Api,
  { resource }: BuildSource,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<object | undefined> {
  const query = { fieldSelector: `metadata.name=${name}` };
  const { items } = (await api.getJson(listPath(resource, namespace), query, signal)) as { items?: unknown };
  return entries(items as readonly object[])[0];
}

function partsOf(pod: Pod, namespace: string, isStep: PodLogPlace["isStep"]): readonly LogPart[] {
  const { metadata, spec } = pod;
  const { name } = metadata ?? {};
  const labels = stringsOf(metadata?.labels);
  const task = labels["tekton.dev/pipelineTask"];
  const never = neverStarted(pod);
  const steps = [...entries(spec?.initContainers), ...entries(spec?.containers)]
    .map(({ name: container = "" }) => container)
    .filter((container) => isStep(container) && !never.has(container));
  if (name === undefined) return [];
  return steps.map((container, index) => ({
    id: `${metadata?.uid ?? name} ${container}`,
    path: `${objectPath(pods, namespace, name)}/log`,
    query: { container },
    ...(task !== undefined && index === 0 && { heading: `--- ${task} ---` }),
  }));
}

/** What follows a step that failed: the API server answers for ever that it is waiting to start. */
function neverStarted({ status }: Pod): ReadonlySet<unknown> {
  if (status?.phase !== "Failed" && status?.phase !== "Succeeded") return new Set();
  const states = [...entries(status.initContainerStatuses), ...entries(status.containerStatuses)];
  return new Set(states.filter(({ state }) => state?.waiting).map(({ name }) => name));
}

function beganAt({ status, metadata }: Pod): string {
  return String(status?.startTime ?? metadata?.creationTimestamp ?? "");
}
