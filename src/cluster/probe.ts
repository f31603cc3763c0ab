import { systemClock } from "../core/clock.ts";
import { JobError } from "../core/jobs/errors.ts";
import { openConnection } from "./access/connection.ts";
import { type Api, createApi, untrusted } from "./api/api.ts";
import { ApiError } from "./api/api-error.ts";
import { type Access, grantCommand, roleCommand } from "./api/grants.ts";
import { listPath, type Resource, resourceName } from "./api/paths.ts";
import { isAllowed, isServed } from "./api/reviews.ts";
import { asClusterError } from "./api/trouble.ts";
import { createPullTokens, readPullAccount, userNameOf } from "./pull-token.ts";
import { type Right, rightName } from "./rights.ts";
import { type ClusterSettings, usualServiceAccountDirectory, watchedNamespaces } from "./settings.ts";
import { type ListSettings, listPages } from "./watching/pages.ts";
import { usualPace } from "./watching/watch.ts";

/** Inspects a cluster: who the bot is there, and what it may do. Failures are `JobError`s. */
export interface ClusterProbe {
  /** The API server's URL. */
  readonly server: string;
  /** What would be watched; undefined: the whole cluster. */
  readonly namespaces: readonly (string | undefined)[];
  readonly inPod: boolean;
  /** The version of Kubernetes. */
  version(signal: AbortSignal): Promise<string>;
  /** The bot's user name in the cluster; undefined if the cluster is too old to say it. */
  user(signal: AbortSignal): Promise<string | undefined>;
  /** Whether the cluster has a resource. */
  serves(resource: Resource, signal: AbortSignal): Promise<boolean>;
  /** The user name of the account that pulls images instead of the bot; undefined if the bot does it itself. */
  readonly puller: string | undefined;
  /** Whether the bot has a right in a namespace, or in all. The right to pull is checked for the account that pulls. */
  may(right: Right, namespace: string | undefined, signal: AbortSignal): Promise<boolean>;
  /** Whether there is at least one in a namespace. */
  hasAny(resource: Resource, namespace: string, signal: AbortSignal): Promise<boolean>;
  /** What `read` keeps of the objects of a namespace, or of all, one after the other. */
  list<T>(resource: Resource, namespace: string | undefined, read: (object: unknown) => T, signal: AbortSignal): AsyncIterable<T>;
  close(): Promise<void>;
}

/** The command that gives a user a right in a namespace, or in all. */
export function grantFor(right: Right, namespace: string | undefined, user: string | undefined): string {
  const { verb, group, use, template } = right;
  const resource = rightName(right);
  if (use === "annotations" || use === "events" || template !== undefined)
    return roleCommand({ verb, resource, group, template, namespace }, user);
  return grantCommand(namespace, user, use === "pull" ? "system:image-puller" : "view");
}

/**
 * The command that gives the bot other credentials, or another server, after an error. For an untrusted certificate it includes the CA.
 * Undefined where the right server cannot answer now: another login would not help.
 */
export function loginCommand(server: string | undefined, error: unknown): string | undefined {
  const fault = error instanceof JobError && error.cause instanceof ApiError ? error.cause.fault : undefined;
  if (fault === "Unavailable" || fault === "Broken") return undefined;
  const login = `oc login ${server ?? "<URL of the API server>"}`;
  const isUntrusted = error instanceof Error && error.message.includes(untrusted);
  return isUntrusted ? `${login} --certificate-authority=<file of the CA>` : login;
}

/** Milliseconds to wait for an answer. */
const usualPatience = 15_000;

/** client-go's page size. */
const pageSize = 500;

/** Finds the credentials as `openCluster` does. Throws `JobError("ClusterUnavailable")` when there are none. */
export async function openClusterProbe(settings: ClusterSettings): Promise<ClusterProbe> {
  const { environment, url, verifyTls, clock = systemClock, requestTimeout = usualPatience } = settings;
  const { serviceAccountDirectory = usualServiceAccountDirectory } = settings;
  const connection = await openConnection({ environment, url, verifyTls, serviceAccountDirectory });
  const api = createApi({ connection, clock, requestTimeout });
  const account = settings.pullAccount === undefined ? undefined : readPullAccount(settings.pullAccount, connection.namespace);
  const patience = { attempts: 1, backoff: usualPace.backoff, clock };
  const token = account && createPullTokens({ api, patience, clock }, account);
  const pulling = async () =>
    token ? createApi({ connection: connection.withToken(await token()), clock, requestTimeout }) : api;
  return {
    server: connection.server,
    namespaces: watchedNamespaces(settings.namespaces, connection.namespace),
    inPod: connection.inPod,
    version: (signal) => told("its version", async () => textAt(await api.getJson("/version", {}, signal), "gitVersion")),
    user: (signal) => told("users", () => askUser(api, signal)),
    puller: account && userNameOf(account),
    serves: (resource, signal) => told(resourceName(resource), () => isServed(api, resource, signal)),
    may: (right, namespace, signal) =>
      told(right.resource, async () => isAllowed(right.use === "pull" ? await pulling() : api, right, namespace, signal)),
    hasAny: (resource, namespace, signal) => told(resourceName(resource), () => hasAny(api, resource, namespace, signal)),
    list: (resource, namespace, read, signal) => listAll(listing(api, listPath(resource, namespace), pageSize, read), signal),
    close: () => connection.close(),
  };
}

/** `users/~` is OpenShift's own. With other user databases, Kubernetes 1.28 and later answers a review. */
async function askUser(api: Api, signal: AbortSignal): Promise<string | undefined> {
  try {
    return textAt(await api.getJson("/apis/user.openshift.io/v1/users/~", {}, signal), "metadata", "name");
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const question = { kind: "SelfSubjectReview", apiVersion: "authentication.k8s.io/v1" };
    return await api.post(path, question, signal).then(
      (answer) => textAt(answer, "status", "userInfo", "username"),
      (refused: unknown) => {
        if (isRefusal(refused)) return undefined;
        throw refused;
      },
    );
  }
}

/** Answers of a server that does not have something, or does not show it to everybody. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && ["NotFound", "NotServed", "Forbidden"].includes(error.fault);
}

async function hasAny(api: Api, resource: Resource, namespace: string, signal: AbortSignal): Promise<boolean> {
  const path = listPath(resource, namespace);
  for await (const { items } of listPages(
    listing(api, path, 1, () => true),
    signal,
  ))
    return items.length > 0;
  return false;
}

function listing<T>(api: Api, path: string, pageSize: number, read: (object: unknown) => T): ListSettings<T> {
  return { api, path, query: {}, pageSize, silence: api.patience, read };
}

async function* listAll<T>(settings: ListSettings<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const { items } of listPages(settings, signal)) yield* items;
}

async function told<T>(resource: string, ask: () => Promise<T>): Promise<T> {
  const access: Access = { verb: "get", resource, namespace: undefined, ofCluster: true };
  return ask().catch((error: unknown) => {
    throw asClusterError(error, access);
  });
}

function textAt(answer: unknown, ...path: readonly string[]): string {
  let value = answer;
  for (const key of path)
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  if (typeof value === "string" && value !== "") return value;
  throw new ApiError("BadData", `The answer has no ${path.join(".")}; this may not be an OpenShift API`);
}
