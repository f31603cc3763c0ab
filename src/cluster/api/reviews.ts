import type { Right } from "../rights.ts";
import type { Api } from "./api.ts";
import { groupPath, type Resource } from "./paths.ts";
import { isRefused } from "./retrying.ts";

/** Whether the cluster has a resource. Throws `ApiError`. */
export async function isServed(api: Api, { group, version, plural }: Resource, signal: AbortSignal): Promise<boolean> {
  try {
    const { resources } = (await api.getJson(groupPath(group, version), {}, signal)) as { resources?: unknown };
    return Array.isArray(resources) && resources.some((resource) => resource?.name === plural);
  } catch (error) {
    if (isRefused(error, "NotFound", "NotServed")) return false;
    throw error;
  }
}

/** Whether the bot has a right in a namespace, or in all (undefined). Throws `ApiError`. */
export async function isAllowed(
  api: Api,
  right: Pick<Right, "verb" | "group" | "resource">,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const [resource, subresource] = right.resource.split("/");
  const resourceAttributes = { verb: right.verb, group: right.group, resource, subresource, namespace };
  const question = {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    spec: { resourceAttributes },
  };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const answer = (await api.post(path, question, signal)) as { status?: { allowed?: unknown } };
  return answer.status?.allowed === true;
}
