import { buildSystems } from "../src/sources/index.ts";
import { readingRights, templateOf } from "../src/sources/rights.ts";

type System = (typeof buildSystems)[number];
type Scope = "one namespace" | "all namespaces";

/** The templates with the rights for each build system but OpenShift's own, by their files in `openshift/`. */
export function renderRbacTemplates(): Readonly<Record<string, string>> {
  const systems = buildSystems.filter(({ name }) => name !== "builds");
  return Object.fromEntries(
    systems.flatMap((system) => [
      [`${templateOf(system)}.yaml`, render(system, "one namespace")],
      [`${templateOf(system)}-cluster.yaml`, render(system, "all namespaces")],
    ]),
  );
}

function render(system: System, scope: Scope): string {
  const { name, title } = system;
  const isOne = scope === "one namespace";
  const kinds = system.sources({ ignoreResults: [] }).map(({ kind, objectKind = kind }) => `${objectKind}s`);
  const where = isOne ? "one namespace" : "the whole cluster";
  const beside = isOne
    ? "rbac.yaml, which makes the service account. For several namespaces apply it once for each."
    : "rbac-cluster.yaml, which makes the service account. A cluster administrator applies it.";
  const inNamespace = isOne ? `\n      namespace: \${${watched}}` : "";
  const role = isOne ? "Role" : "ClusterRole";
  return `# Written by \`npm run docs\` from src/sources.
apiVersion: template.openshift.io/v1
kind: Template
metadata:
  name: build-watcher-${templateOf(system)}${isOne ? "" : "-cluster"}
  annotations:
    openshift.io/display-name: build-watcher, rights for ${title} in ${scope}
    description: The right to read ${kinds.join(" and ")} of ${title} and the logs of their pods in ${where}, beside ${beside}
labels:
  app: build-watcher
parameters:
  - name: NAMESPACE
    description: The namespace the bot runs in.
    required: true
${isOne ? watchedParameter : ""}  - name: VERBS
    description: What the bot may do with ${kinds.join(" and ")}, as JSON. Writing annotations on them (BUILD_WATCHER_ANNOTATE) needs ["list","watch","patch"].
    value: '["list","watch"]'
objects:
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ${role}
    metadata:
      name: build-watcher-${name}${inNamespace}
    rules:
${rulesOf(system)}
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ${role}Binding
    metadata:
      name: build-watcher-${name}-\${NAMESPACE}${inNamespace}
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: ${role}
      name: build-watcher-${name}
    subjects:
      - kind: ServiceAccount
        name: build-watcher
        namespace: \${NAMESPACE}
`;
}

const watched = "THOTH_WATCHED_NAMESPACE";

const watchedParameter = `  - name: ${watched}
    description: The namespace the bot watches; it may be the same.
    required: true
`;

/** One rule for the builds, whose verbs are a parameter, and one for each other right. */
function rulesOf(system: System): string {
  const sources = system.sources({ ignoreResults: [] });
  const builds = sources.map(({ resource }) => resource.plural);
  const rights = sources.flatMap(readingRights);
  const further = new Map(rights.filter(({ use }) => use !== "builds").map((right) => [JSON.stringify(right), right]));
  const rules = [
    { group: rights[0]?.group ?? "", resources: builds.join(", "), verbs: "${{VERBS}}" },
    ...[...further.values()].map(({ group, resource, verb }) => ({ group, resources: resource, verbs: `[${verb}]` })),
  ];
  return rules
    .map(
      ({ group, resources, verbs }) =>
        `      - apiGroups: [${group === "" ? '""' : group}]\n        resources: [${resources}]\n        verbs: ${verbs}`,
    )
    .join("\n");
}
