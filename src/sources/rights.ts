import type { Right } from "../cluster/rights.ts";
import type { BuildSource } from "./build-source.ts";
import { openshiftBuilds } from "./openshift-builds.ts";

/** Exactly the rights that reading a source needs. The roles in `openshift/rbac*.yaml` have the same. */
export function readingRights(source: BuildSource): readonly Right[] {
  const { resource, owners, logRights } = source;
  const { group, plural, called } = resource;
  const builds = { group, resource: plural, called, use: "builds", template: readTemplateOf(source) } as const;
  const ofOwners: readonly Right[] = owners ? [{ verb: "get", ...owners, resource: owners.plural, use: "owners" }] : [];
  return [{ verb: "list", ...builds }, { verb: "watch", ...builds }, ...ofOwners, ...logRights];
}

/** The template that is needed to read a source, because the role `view` is not enough. */
export function readTemplateOf(source: BuildSource): string | undefined {
  return source.isOutsideView && templateOf(source);
}

/** The further rights to write annotations on a source's objects. */
export function annotatingRight(source: BuildSource): Right {
  const { group, plural, called } = source.resource;
  return { verb: "patch", group, resource: plural, called, template: templateOf(source), use: "annotations" };
}

/** The template with a build system's rights, without ending; OpenShift's own can be patched by those who write. */
export function templateOf({ name }: Pick<BuildSource, "name">): string {
  return name === openshiftBuilds.name ? "rbac-writing" : `rbac-${name}`;
}
