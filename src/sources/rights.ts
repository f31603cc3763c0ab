import type { Right } from "../cluster/rights.ts";
import type { BuildSource } from "./build-source.ts";

/** Everything that reading a source takes, and nothing else: the roles in `openshift/rbac*.yaml` hold the same. */
export function readingRights({ resource: { group, plural }, logRights }: BuildSource): readonly Right[] {
  const builds = { group, resource: plural, use: "builds" } as const;
  return [{ verb: "list", ...builds }, { verb: "watch", ...builds }, ...logRights];
}

/** What writing annotations on a source's objects takes beyond that. */
export function annotatingRight({ resource: { group, plural } }: BuildSource): Right {
  return { verb: "patch", group, resource: plural, use: "annotations" };
}
