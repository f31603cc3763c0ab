import { isServed, type ResourceKind, resourceKinds } from "../objects/resource-kinds.ts";

/** The APIResourceList of a group this cluster serves: `/apis/<group>/v1`. */
export function discoveryOf(path: string, installed: ReadonlySet<string>): object | undefined {
  const kinds = Object.values(resourceKinds).filter((kind) => isServed(kind, installed) && path === pathOf(kind));
  const [kind] = kinds;
  if (!kind) return undefined;
  const resources = kinds.flatMap((its) => (its.resource === "builds" ? [described(its), buildLog] : [described(its)]));
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: kind.apiVersion, resources };
}

function pathOf({ apiVersion }: ResourceKind): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Whether this cluster has a group of APIs at all. */
export function servesGroup(group: string, installed: ReadonlySet<string>): boolean {
  return Object.values(resourceKinds).some((kind) => kind.group === group && isServed(kind, installed));
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
    name: kind.plural,
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
