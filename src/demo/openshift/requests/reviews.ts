import type { IncomingMessage } from "node:http";
import { readBody } from "../../answers.ts";
import type { Access, AccessControl } from "./access.ts";
import { ApiError, badRequest } from "./api-status.ts";

interface ResourceAttributes {
  readonly namespace?: string;
  readonly name?: string;
  readonly verb?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
}

/** Answers "may I?": a SelfSubjectAccessReview. Throws `ApiError` (400). */
export async function reviewAccess(request: IncomingMessage, user: string, access: AccessControl): Promise<object> {
  const spec = await readSpec(request);
  const wanted = spec.resourceAttributes as ResourceAttributes | undefined;
  const allowed = wanted ? access.allows(user, accessOf(wanted)) : true;
  return {
    kind: "SelfSubjectAccessReview",
    apiVersion: "authorization.k8s.io/v1",
    metadata: { creationTimestamp: null },
    spec,
    status: { allowed, ...(allowed && { reason: "RBAC: allowed by the rules of the emulated cluster" }) },
  };
}

/** Answers "who am I?": a SelfSubjectReview (authentication.k8s.io). */
export function reviewUser(user: string): object {
  return {
    kind: "SelfSubjectReview",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { creationTimestamp: null },
    status: { userInfo: { username: user, groups: ["system:authenticated"] } },
  };
}

/** Answers "who am I?": `users/~` (user.openshift.io). */
export function currentUser(user: string): object {
  return {
    kind: "User",
    apiVersion: "user.openshift.io/v1",
    metadata: { name: user, creationTimestamp: null },
    identities: null,
    groups: ["system:authenticated"],
  };
}

async function readSpec(request: IncomingMessage): Promise<Record<string, unknown>> {
  try {
    const { spec } = JSON.parse(await readBody(request));
    return { ...spec };
  } catch (error) {
    throw new ApiError(badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : error}`));
  }
}

function accessOf({ verb = "", group = "", resource = "", subresource, namespace, name }: ResourceAttributes): Access {
  const whole = subresource ? `${resource}/${subresource}` : resource;
  return { verb, group, resource: whole, ...(namespace && { namespace }), ...(name && { name }) };
}
