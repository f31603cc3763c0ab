import type { Right } from "../cluster/rights.ts";
import type { BuildSource } from "./build-source.ts";

/** Exactly the rights needed to read a source: the roles in `openshift/rbac*.yaml` have the same. */
export function readingRights({ resource: { group, plural }, logRights }: BuildSource): readonly Right[] {
  const builds = { group, resource: plural, use: "builds" } as const;
  return [{ verb: "list", ...builds }, { verb: "watch", ...builds }, ...logRights];
}

/** The further rights to write annotations on a source's objects. */
export function annotatingRight({ resource: { group, plural } }: BuildSource): Right {
  return { verb: "patch", group, resource: plural, use: "annotations" };
}
