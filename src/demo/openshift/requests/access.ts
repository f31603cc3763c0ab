import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";

/** What a user may do. `*` stands for all verbs, groups or resources. */
export interface AccessRule {
  /** Absent: everybody. */
  readonly user?: string;
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  /** `builds`, `builds/log`, … */
  readonly resources: readonly string[];
  /** Absent: all namespaces, as a ClusterRoleBinding grants it. */
  readonly namespaces?: readonly string[];
  /** Absent: objects of every name. */
  readonly resourceNames?: readonly string[];
}

/** What a request wants. Without a namespace it is for the whole cluster. */
export interface Access {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Users, and their rights. */
export interface AccessControl {
  /** The user behind a request; undefined means 401. Without any credentials it is `system:anonymous`, as OpenShift has it. */
  userOf(request: IncomingMessage): string | undefined;
  allows(user: string, access: Access): boolean;
  /** A new token that lets a user in. */
  issue(user: string): string;
  setTokens(tokens: Readonly<Record<string, string>> | undefined): void;
  setRules(rules: readonly AccessRule[] | undefined): void;
}

export const anonymous = "system:anonymous";

export function createAccessControl(user: string): AccessControl {
  let users: Map<string, string> | undefined;
  let issued = 0;
  let rules: readonly AccessRule[] | undefined;

  return {
    userOf(request) {
      const certified = certificateUser(request);
      if (certified) return certified;
      if (!users) return user;
      const token = bearerToken(request);
      return token === undefined ? anonymous : users.get(token);
    },
    allows(who, access) {
      if (rules) return rules.some((rule) => grants(rule, who, access));
      return who !== anonymous;
    },
    issue(who) {
      issued += 1;
      const token = `token-${issued}-of-${who}`;
      users?.set(token, who);
      return token;
    },
    setTokens(tokens) {
      users = tokens && new Map(Object.entries(tokens));
    },
    setRules(next) {
      rules = next;
    },
  };
}

/** The token a request carries. */
export function bearerToken(request: IncomingMessage): string | undefined {
  return /^Bearer\s+(.*)$/i.exec(request.headers.authorization ?? "")?.[1]?.trim();
}

/** The common name of a client certificate that our own authority signed. */
function certificateUser(request: IncomingMessage): string | undefined {
  const socket = request.socket as Partial<TLSSocket>;
  if (!socket.authorized) return undefined;
  const name = socket.getPeerCertificate?.().subject?.CN;
  return Array.isArray(name) ? name[0] : name;
}

function grants(rule: AccessRule, user: string, access: Access): boolean {
  if (rule.user !== undefined && rule.user !== user) return false;
  if (rule.user === undefined && user === anonymous) return false;
  if (rule.namespaces && !(access.namespace && rule.namespaces.includes(access.namespace))) return false;
  if (rule.resourceNames && !(access.name && rule.resourceNames.includes(access.name))) return false;
  return matches(rule.verbs, access.verb) && matches(rule.apiGroups, access.group) && matches(rule.resources, access.resource);
}

function matches(granted: readonly string[], wanted: string): boolean {
  return granted.includes("*") || granted.includes(wanted);
}
