/** A request to the API server. */
export interface Access {
  readonly verb: "get" | "list" | "watch" | "patch" | "create";
  /** The plural, with subresource: `builds`, `builds/log`, `imagestreams`. */
  readonly resource: string;
  /** undefined: in all namespaces. */
  readonly namespace: string | undefined;
}

/** Recorded: `builds.build.openshift.io is forbidden: User "…" cannot list resource "builds" in API group "…" in the namespace "…"`. */
const userPattern = /User "([^"]+)"/;
const verbPattern = /cannot (\w+) resource/;

/** What an operator does about a 403, from the message of the server's Status: who lacks what, and the command that grants it. */
export function grantAdvice(access: Access, message: string): string {
  const user = userPattern.exec(message)?.[1];
  const verb = verbPattern.exec(message)?.[1] ?? access.verb;
  const where = access.namespace === undefined ? "in all namespaces" : `in namespace ${access.namespace}`;
  if (user === "system:anonymous") {
    return `The bot cannot ${verb} ${access.resource} ${where}: to the cluster it is anonymous. Run oc login, or correct the kubeconfig's credentials`;
  }
  const command = isWriting(access) ? writingCommand(access, user) : grantCommand(access.namespace, user);
  const doubt = access.namespace === undefined ? "" : ", or there is no such namespace";
  return `${user ?? "The bot"} cannot ${verb} ${access.resource} ${where}${doubt}. Grant it: ${command}`;
}

/** The command that gives a user a role in a namespace, or in all of them. `view` includes everything that the bot reads, but not the right to pull. */
export function grantCommand(namespace: string | undefined, user: string | undefined, role = "view"): string {
  const name = user === undefined ? '"$(oc whoami)"' : shellWord(user);
  if (namespace === undefined) return `oc adm policy add-cluster-role-to-user ${role} ${name}`;
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const subject = account && account[1] === namespace ? `-z ${account[2]}` : name;
  return `oc policy add-role-to-user ${role} ${subject} -n ${namespace}`;
}

/** The command that gives a user a right to write: the template for the bot's account, a role with only that right for a person. */
export function writingCommand({ verb, resource, namespace }: Access, user: string | undefined): string {
  const [, own] = /^system:serviceaccount:([^:]+):build-watcher$/.exec(user ?? "") ?? [];
  const template = runTemplates[resource];
  const file = `openshift/${template ?? "rbac-writing"}${namespace === undefined ? "-cluster" : ""}.yaml`;
  const watched = namespace === undefined ? "" : ` -p THOTH_WATCHED_NAMESPACE=${namespace}`;
  const verbs = template === undefined ? "" : ` -p 'VERBS=["list","watch","patch"]'`;
  if (own !== undefined) return `oc process --local -f ${file} -p NAMESPACE=${own}${watched}${verbs} | oc apply -f -`;
  const role = `build-watcher-${verb}-${resource}`;
  const what = `${role} --verb=${verb} --resource=${resource}.${groups[resource] ?? "build.openshift.io"}`;
  if (namespace === undefined) return `oc create clusterrole ${what} && ${grantCommand(namespace, user, role)}`;
  return `oc create role ${what} -n ${namespace} && ${grantCommand(namespace, user, role)} --role-namespace=${namespace}`;
}

const groups: Readonly<Record<string, string>> = {
  events: "events.k8s.io",
  buildruns: "shipwright.io",
  pipelineruns: "tekton.dev",
  taskruns: "tekton.dev",
};

/** Which template has the right to patch, if it is not the one for writing. */
const runTemplates: Readonly<Record<string, string>> = {
  buildruns: "rbac-shipwright",
  pipelineruns: "rbac-tekton",
  taskruns: "rbac-tekton",
};

function isWriting({ verb }: Access): boolean {
  return verb === "patch" || verb === "create";
}

/** User names can have any characters. */
function shellWord(text: string): string {
  return /^[\w.:@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
