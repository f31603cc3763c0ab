import type { Api } from "../cluster/api/api.ts";
import { ApiError } from "../cluster/api/api-error.ts";
import { groupPath, type Resource } from "../cluster/api/paths.ts";
import { createGate } from "../core/gate.ts";
import type { BuildSource } from "./build-source.ts";

/** One source in one namespace, or in the whole cluster (undefined). */
export interface SourcePart {
  readonly source: BuildSource;
  readonly namespace: string | undefined;
}

/** Questions at once. */
const questions = 8;

/**
 * What can be watched: the sources that the cluster serves, where the bot may list them. Where it may list none, the first source stays, so
 * that its trouble is told. Throws `ApiError` when the server cannot be asked.
 */
export async function discoverParts(
  api: Api,
  sources: readonly BuildSource[],
  namespaces: readonly (string | undefined)[],
  signal: AbortSignal,
): Promise<readonly SourcePart[]> {
  const served = await Promise.all(
    sources.map(async (source) => ((await isServed(api, source.resource, signal)) ? [source] : [])),
  );
  const candidates = served.flat();
  const [first = sources[0]] = candidates;
  if (candidates.length <= 1) return namespaces.flatMap((namespace) => (first ? [{ source: first, namespace }] : []));
  const gate = createGate(questions);
  const readable = await Promise.all(
    namespaces.map(async (namespace) => {
      const parts = await Promise.all(
        candidates.map(async (source) => {
          const leave = await gate.enter(signal);
          return mayList(api, source.resource, namespace, signal).finally(leave);
        }),
      );
      const chosen = candidates.filter((_, index) => parts[index]);
      return (chosen.length > 0 ? chosen : candidates.slice(0, 1)).map((source) => ({ source, namespace }));
    }),
  );
  return readable.flat();
}

/** Whether the cluster has a resource. Throws `ApiError`. */
export async function isServed(api: Api, { group, version, plural }: Resource, signal: AbortSignal): Promise<boolean> {
  try {
    const { resources } = (await api.getJson(groupPath(group, version), {}, signal)) as { resources?: unknown };
    return Array.isArray(resources) && resources.some((resource) => resource?.name === plural);
  } catch (error) {
    if (error instanceof ApiError && ["NotFound", "NotServed", "Forbidden"].includes(error.fault)) return false;
    throw error;
  }
}

async function mayList(
  api: Api,
  { group, plural }: Resource,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const question = {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    spec: { resourceAttributes: { verb: "list", group, resource: plural, namespace } },
  };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const answer = (await api.post(path, question, signal)) as { status?: { allowed?: unknown } };
  return answer.status?.allowed === true;
}
