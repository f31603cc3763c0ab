import { eventRight, imageRights, type Right } from "../../src/cluster/rights.ts";
import type { AccessRule } from "../../src/demo/openshift-api.ts";
import { openshiftBuilds } from "../../src/sources/openshift-builds.ts";
import { annotatingRight, readingRights } from "../../src/sources/rights.ts";
import { type KubernetesObject, processTemplate } from "./templates.ts";

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

interface Role extends KubernetesObject {
  readonly rules: readonly PolicyRule[];
}

interface Binding extends KubernetesObject {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
}

/** What a template grants: to whom, and the rules as the emulated cluster enforces them. */
export interface Granted {
  readonly user: string;
  readonly rules: readonly AccessRule[];
}

type RbacFile = `rbac${"" | "-shipwright" | "-tekton" | "-writing"}${"" | "-cluster"}.yaml`;

/** What `rbac.yaml` is to hold, and `rbac-writing.yaml`. */
export const rights: readonly Right[] = [...readingRights(openshiftBuilds), ...imageRights];
export const writingRights: readonly Right[] = [annotatingRight(openshiftBuilds), eventRight];

/** Reads a role and its binding out of a template. */
export function grantedBy(file: RbacFile, parameters: Readonly<Record<string, string>>): Granted {
  const objects = processTemplate(file, parameters);
  const role = objects.find(({ kind }) => kind === "Role" || kind === "ClusterRole") as Role;
  const binding = objects.find(({ kind }) => kind.endsWith("Binding")) as Binding;
  const [subject] = binding.subjects;
  if (binding.roleRef.kind !== role.kind || binding.roleRef.name !== role.metadata.name || subject?.kind !== "ServiceAccount")
    throw new Error(`${file} binds something else than its own role to its own account`);
  const user = `system:serviceaccount:${subject.namespace}:${subject.name}`;
  const namespaces = role.kind === "Role" ? [binding.metadata.namespace ?? "", role.metadata.namespace ?? ""] : undefined;
  if (namespaces && namespaces[0] !== namespaces[1]) throw new Error(`${file} binds a role of another namespace`);
  const rules = role.rules.map(({ apiGroups, resources, verbs }) => ({
    user,
    apiGroups,
    resources,
    verbs,
    ...(namespaces && { namespaces: namespaces.slice(0, 1) }),
  }));
  return { user, rules };
}

/** Rules one by one: `verb resource.group`, in order. */
export function inSingleRights(rules: readonly Pick<AccessRule, "apiGroups" | "resources" | "verbs">[]): readonly string[] {
  const single = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`))),
  );
  return [...new Set(single)].sort();
}
