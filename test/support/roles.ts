import { eventRight, imageRights, type Right } from "../../src/cluster/rights.ts";
import type { AccessRule } from "../../src/demo/openshift-api.ts";
import { openshiftBuilds } from "../../src/sources/openshift-builds.ts";
import { annotatingRight, readingRights } from "../../src/sources/rights.ts";
import { type KubernetesObject, processTemplate } from "./templates.ts";

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
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

/** What `rbac.yaml` is to hold, and `rbac-writing.yaml`. */
export const rights: readonly Right[] = [...readingRights(openshiftBuilds), ...imageRights];
export const writingRights: readonly Right[] = [annotatingRight(openshiftBuilds), eventRight];

/** Reads an account's role and its binding out of a template. */
export function grantedBy(
  file: string,
  parameters: Readonly<Record<string, string>>,
  roleName: (name: string) => boolean = (name) => !name.startsWith("build-watcher-pull"),
): Granted {
  const objects = processTemplate(file, parameters);
  const roles = objects.filter(({ kind, metadata }) => kind.endsWith("Role") && roleName(metadata.name)) as Role[];
  const granted = roles.map((role) => grantOf(role, objects));
  const [user = "", ...others] = new Set(granted.map((grant) => grant.user));
  if (others.length > 0) throw new Error(`${file} grants the same to several accounts`);
  return { user, rules: granted.flatMap(({ rules }) => rules) };
}

/** What the account may do that pulls images, and what the bot may do to get its token. */
export function pullingBy(file: "rbac.yaml" | "rbac-cluster.yaml", parameters: Readonly<Record<string, string>>) {
  return {
    puller: grantedBy(file, parameters, (name) => name === "build-watcher-pull"),
    token: grantedBy(file, parameters, (name) => name === "build-watcher-pull-token"),
  };
}

function grantOf(role: Role, objects: readonly KubernetesObject[]): Granted {
  const { kind, name, namespace } = { kind: role.kind, ...role.metadata };
  const bindings = objects.filter(
    (object) => object.kind === `${kind}Binding` && object.metadata.namespace === namespace,
  ) as Binding[];
  const bound = bindings.filter(({ roleRef }) => roleRef.kind === kind && roleRef.name === name);
  const [subject, ...others] = bound.flatMap(({ subjects }) => subjects);
  if (subject?.kind !== "ServiceAccount" || others.length > 0) throw new Error(`${name} is not bound to one account`);
  const user = `system:serviceaccount:${subject.namespace}:${subject.name}`;
  return {
    user,
    rules: role.rules.map((rule) => ({ user, ...rule, ...(namespace !== undefined && { namespaces: [namespace] }) })),
  };
}

/** Rules one by one: `verb resource.group`, in order. */
export function inSingleRights(rules: readonly Pick<AccessRule, "apiGroups" | "resources" | "verbs">[]): readonly string[] {
  const single = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`))),
  );
  return [...new Set(single)].sort();
}
