import { type ResourceKind, resourceKinds } from "../objects/resource-kinds.ts";

/** The APIResourceList of a group this cluster serves: `/apis/<group>/v1`. */
export function discoveryOf(path: string): object | undefined {
  const kind = Object.values(resourceKinds).find(({ apiVersion }) => path === `/apis/${apiVersion}`);
  if (!kind) return undefined;
  const resources = kind.resource === "builds" ? [described(kind), buildLog] : [described(kind)];
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: kind.apiVersion, resources };
}

/** Whether this cluster has a group of APIs at all. */
export function servesGroup(group: string): boolean {
  return Object.values(resourceKinds).some((kind) => kind.group === group);
}

const buildLog = {
  name: "builds/log",
  singularName: "",
  namespaced: true,
  group: "build.openshift.io",
  version: "v1",
  kind: "BuildLog",
  verbs: ["get"],
};

function described(kind: ResourceKind): object {
  return {
    name: kind.resource,
    singularName: kind.singular,
    namespaced: true,
    kind: kind.kind,
    verbs: ["get", "list", "watch"],
    ...(kind.shortNames && { shortNames: kind.shortNames }),
    categories: ["all"],
  };
}

/** `/version` of the Kubernetes underneath. */
export const version = { major: "1", minor: "34", gitVersion: "v1.34.2", platform: "linux/amd64" };
