import { isObjectName } from "../../core/builds/object-name.ts";
import { ApiError } from "./api-error.ts";

/** A kind of objects of the API server. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** What messages, metrics and commands call it, if another group has the same plural: `builds.kpack.io`. */
  readonly called?: string;
}

/** What people call it. */
export function resourceName({ plural, called = plural }: Pick<Resource, "plural" | "called">): string {
  return called;
}

/** The path to list and watch the objects of a namespace, or of the whole cluster. */
export function listPath({ group, version, plural }: Resource, namespace: string | undefined): string {
  const scope = namespace === undefined ? "" : `/namespaces/${segment(namespace)}`;
  return `${groupPath(group, version)}${scope}/${plural}`;
}

/** The path of a group's resources; the oldest group has no name. */
export function groupPath(group: string, version: string): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** The path of one object. */
export function objectPath(resource: Resource, namespace: string, name: string): string {
  return `${listPath(resource, namespace)}/${segment(name)}`;
}

/** OpenShift's Builds. */
export const builds: Resource = { group: "build.openshift.io", version: "v1", plural: "builds" };

/** OpenShift's ImageStreams. */
export const imageStreams: Resource = { group: "image.openshift.io", version: "v1", plural: "imagestreams" };

export const pods: Resource = { group: "", version: "v1", plural: "pods" };

export const namespaces: Resource = { group: "", version: "v1", plural: "namespaces" };

/** A name as a part of a path. Throws an `ApiError` for a name that would lead elsewhere. */
export function segment(name: string): string {
  if (!isObjectName(name)) throw new ApiError("NotFound", `"${name}" is no name that an object can have`, { status: 404 });
  return name;
}
