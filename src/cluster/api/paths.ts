/** What the API server has many of: the objects of one kind. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** Where the objects of a namespace are listed and watched, or those of the whole cluster. */
export function listPath({ group, version, plural }: Resource, namespace: string | undefined): string {
  const scope = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/${group}/${version}${scope}/${plural}`;
}

/** Where one object lies. */
export function objectPath(resource: Resource, namespace: string, name: string): string {
  return `${listPath(resource, namespace)}/${encodeURIComponent(name)}`;
}

/** OpenShift's Builds. */
export const builds: Resource = { group: "build.openshift.io", version: "v1", plural: "builds" };

/** OpenShift's ImageStreams. */
export const imageStreams: Resource = { group: "image.openshift.io", version: "v1", plural: "imagestreams" };
