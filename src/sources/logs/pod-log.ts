import type { Api } from "../../cluster/api/api.ts";
import { listPath, objectPath, pods } from "../../cluster/api/paths.ts";
import type { Right } from "../../cluster/rights.ts";
import type { NamedBuild } from "../../core/builds/build.ts";
import type { BuildSource, FoundLog, LogPart } from "../build-source.ts";
import { entries, type Metadata, stringsOf } from "../objects/fields.ts";

/** The used fields of a pod. */
interface Pod {
  readonly metadata?: Metadata;
  readonly spec?: { readonly containers?: readonly { readonly name?: string }[] | null };
  readonly status?: { readonly startTime?: string };
}

/** The rights for `findPodLog` and for reading the log. */
export const podLogRights: readonly Right[] = [
  { verb: "list", group: pods.group, resource: pods.plural, use: "logs" },
  { verb: "get", group: pods.group, resource: `${pods.plural}/log`, use: "logs" },
];

/** The log of a run: those of the `step-` containers in the pods with its label, in the order in which they started. */
export async function findPodLog(
  api: Api,
  source: BuildSource,
  { namespace, name }: NamedBuild,
  label: string,
  signal: AbortSignal,
): Promise<FoundLog> {
  const answer = (await api.getJson(listPath(pods, namespace), { labelSelector: `${label}=${name}` }, signal)) as {
    items?: unknown;
  };
  const found = entries(answer?.items as readonly Pod[]).toSorted((a, b) => beganAt(a).localeCompare(beganAt(b)));
  return {
    parts: found.flatMap((pod) => partsOf(pod, namespace)),
    isGrowing: (its) => isUnderWay(api, source, namespace, name, its),
  };
}

/** Whether the run still goes on. The end of its log does not say: a server that shuts down also ends logs. Needs the right to list, which the bot has. */
export async function isUnderWay(
  api: Api,
  { resource, classify }: BuildSource,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const query = { fieldSelector: `metadata.name=${name}` };
  const { items } = (await api.getJson(listPath(resource, namespace), query, signal).catch(() => ({}))) as { items?: unknown };
  const [object] = entries(items as readonly object[]);
  return object !== undefined && classify(object).kind === "pending";
}

function partsOf({ metadata, spec }: Pod, namespace: string): readonly LogPart[] {
  const { name } = metadata ?? {};
  const labels = stringsOf(metadata?.labels);
  const task = labels["tekton.dev/pipelineTask"];
  const steps = entries(spec?.containers).flatMap(({ name: container = "" }) =>
    container.startsWith("step-") ? [container] : [],
  );
  if (name === undefined) return [];
  return steps.map((container, index) => ({
    path: `${objectPath(pods, namespace, name)}/log`,
    query: { container },
    ...(task !== undefined && index === 0 && { heading: `--- ${task} ---` }),
  }));
}

function beganAt({ status, metadata }: Pod): string {
  return String(status?.startTime ?? metadata?.creationTimestamp ?? "");
}
