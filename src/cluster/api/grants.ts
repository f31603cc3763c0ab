/** A request to the API server. */
export interface Access {
  readonly verb: "get" | "list" | "watch" | "patch" | "create";
  /** The plural, with subresource: `builds`, `builds/log`, `imagestreams`. */
  readonly resource: string;
  /** undefined: in all namespaces. */
  readonly namespace: string | undefined;
  /** Set if it is about the cluster itself, so that no namespace is named. */
  readonly ofCluster?: boolean;
  /** Its group, which a role needs. */
  readonly group?: string;
  /** The template under `openshift/` that grants it to the bot, without ending; absent: the one for writing. */
  readonly template?: string | undefined;
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
  const needsRole = isWriting(access) || access.template !== undefined;
  const command = needsRole ? roleCommand(access, user) : grantCommand(access.namespace, user);
  const doubt = access.namespace === undefined ? "" : ", or there is no such namespace";
  return `${user ?? "The bot"} cannot ${verb} ${access.resource} ${where}${doubt}. Grant it: ${command}`;
}

/** The command that gives a user a role in a namespace, or in all of them. `view` includes what the bot reads, but not kpack's builds and the right to pull. */
export function grantCommand(namespace: string | undefined, user: string | undefined, role = "view"): string {
  const name = user === undefined ? '"$(oc whoami)"' : shellWord(user);
  if (namespace === undefined) return `oc adm policy add-cluster-role-to-user ${role} ${name}`;
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const subject = account && account[1] === namespace ? `-z ${account[2]}` : name;
  return `oc policy add-role-to-user ${role} ${subject} -n ${namespace}`;
}

/** The command that gives a user a right that `view` lacks: the template for the bot's account, a role with only that right for a person. */
export function roleCommand(access: Access, user: string | undefined): string {
  const { verb, resource, namespace, group = "build.openshift.io", template = usualTemplate } = access;
  const [, own] = /^system:serviceaccount:([^:]+):build-watcher$/.exec(user ?? "") ?? [];
  const file = `openshift/${template}${namespace === undefined ? "-cluster" : ""}.yaml`;
  const watched = namespace === undefined ? "" : ` -p THOTH_WATCHED_NAMESPACE=${namespace}`;
  const verbs = template === usualTemplate || verb !== "patch" ? "" : ` -p 'VERBS=["list","watch","patch"]'`;
  if (own !== undefined) return `oc process --local -f ${file} -p NAMESPACE=${own}${watched}${verbs} | oc apply -f -`;
  const role = `build-watcher-${verb}-${resource}`;
  const what = `${role} --verb=${verb} --resource=${resource.includes(".") ? resource : `${resource}.${group}`}`;
  if (namespace === undefined) return `oc create clusterrole ${what} && ${grantCommand(namespace, user, role)}`;
  return `oc create role ${what} -n ${namespace} && ${grantCommand(namespace, user, role)} --role-namespace=${namespace}`;
}

/** Those for other build systems have the right to patch as a parameter. */
const usualTemplate = "rbac-writing";

function isWriting({ verb }: Access): boolean {
  return verb === "patch" || verb === "create";
}

/** User names can have any characters. */
function shellWord(text: string): string {
  return /^[\w.:@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
