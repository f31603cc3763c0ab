import type { IncomingMessage, ServerResponse } from "node:http";
import { send } from "../answers.ts";
import type { Changes } from "../changes.ts";
import { listPage } from "./objects/listing.ts";
import type { ObjectStore, Revision, StoredObject } from "./objects/object-store.ts";
import { type ApiObject, kindOf, type ResourceName } from "./objects/resource-kinds.ts";
import { patched, postedEvent } from "./objects/writes.ts";
import { type AccessControl, anonymous } from "./requests/access.ts";
import type { ApiRequest } from "./requests/api-request.ts";
import {
  ApiError,
  badRequest,
  forbidden,
  forbiddenPath,
  methodNotAllowed,
  notFound,
  pageNotFound,
  plainStatus,
  UnknownGroup,
  unauthorized,
  unknownPath,
} from "./requests/api-status.ts";
import { discoveryOf, servesGroup, version } from "./requests/discovery.ts";
import { currentUser, reviewAccess, reviewUser } from "./requests/reviews.ts";
import { type BuildLog, hasStarted, notStarted, sendLog, usualLog } from "./streams/build-log.ts";
import type { LogStreams } from "./streams/log-streams.ts";
import type { Watches } from "./streams/watches.ts";

/** What the routes work on. */
export interface ClusterState {
  readonly stores: Readonly<Record<ResourceName, ObjectStore>>;
  readonly revision: Revision;
  readonly watches: Watches;
  readonly access: AccessControl;
  /** By `namespace/build`. */
  readonly logs: ReadonlyMap<string, BuildLog>;
  readonly logStreams: LogStreams;
  /** The groups of APIs that operators brought. */
  readonly installed: ReadonlySet<string>;
  /** Creates or updates an object; watches hear of it. */
  readonly put: (resource: ResourceName, object: ApiObject) => void;
  readonly changes: Pick<Changes<unknown>, "waitFor">;
}

/** Answers one request of a user (undefined: unknown credentials). Resolves when the answer has begun. */
export type Route = (
  asked: ApiRequest,
  user: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void>;

const logPatience = 30_000;

const subresources: readonly string[] = ["builds/log", "pods/log", "serviceaccounts/token"];

export function createRoutes(cluster: ClusterState): Route {
  return async (asked, user, request, response) => {
    try {
      if (user === undefined) throw new ApiError(unauthorized());
      if (asked.path === "/version") return send(response, 200, version);
      if (asked.resource === "") return discover(cluster, asked, user, response);
      if (asked.method === "POST" && !asked.namespace) return await review(cluster, asked, user, request, response);
      if (asked.path === "/apis/user.openshift.io/v1/users/~") return send(response, 200, currentUser(user));
      await serve(cluster, asked, user, request, response);
    } catch (error) {
      refuse(error, response);
    }
  };
}

function discover({ installed }: ClusterState, { path }: ApiRequest, user: string, response: ServerResponse): void {
  if (user === anonymous) throw new ApiError(forbiddenPath(user, path));
  const document = discoveryOf(path, installed);
  if (!document) throw new UnknownGroup();
  send(response, 200, document);
}

async function review(
  cluster: ClusterState,
  { path }: ApiRequest,
  user: string,
  request: IncomingMessage,
  response: ServerResponse,
) {
  if (path === "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") {
    return send(response, 201, await reviewAccess(request, user, cluster.access));
  }
  if (path === "/apis/authentication.k8s.io/v1/selfsubjectreviews") return send(response, 201, reviewUser(user));
  throw new ApiError(methodNotAllowed());
}

async function serve(
  cluster: ClusterState,
  asked: ApiRequest,
  user: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [plural = "", subresource] = asked.resource.split("/");
  const kind = kindOf(asked.apiGroup, plural, cluster.installed);
  if (!servesGroup(asked.apiGroup, cluster.installed)) throw new UnknownGroup();
  if (!kind || (subresource && !subresources.includes(`${kind.resource}/${subresource}`))) throw new ApiError(unknownPath());
  const access = { verb: asked.verb, group: asked.apiGroup, resource: asked.resource, ...scopeOf(asked) };
  if (!cluster.access.allows(user, access)) throw new ApiError(forbidden(user, access));
  const store = cluster.stores[kind.resource];
  if (asked.verb === "list") return sendList(cluster, store, asked, response);
  if (asked.verb === "watch") return cluster.watches.open(response, store, asked.namespace, asked.query);
  if (asked.resource === "serviceaccounts/token") return issueToken(cluster, objectOf(store, asked), response);
  if (asked.verb !== "get") return await write(cluster, store, asked, request, response);
  if (asked.resource === "pods/log") return await servePodLog(cluster, objectOf(store, asked), asked, response);
  if (subresource) return await serveLog(cluster, asked, response);
  sendObject(response, store, objectOf(store, asked));
}

/** The two ways of writing that this cluster knows: a Build is patched, an Event is posted. */
async function write(
  cluster: ClusterState,
  store: ObjectStore,
  asked: ApiRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { verb, resource, namespace = "", name = "" } = asked;
  const isPatch = verb === "patch" && resource !== "events";
  if (!isPatch && !(verb === "create" && resource === "events")) throw new ApiError(methodNotAllowed());
  const object = isPatch ? await patched(store, namespace, name, request) : await postedEvent(store, namespace, request);
  cluster.put(store.kind.resource, object);
  const stored = objectOf(store, { ...asked, name: object.metadata?.name ?? name });
  sendObject(response, store, stored, isPatch ? 200 : 201);
}

/** Answers a TokenRequest. */
function issueToken({ access }: ClusterState, { namespace, name }: StoredObject, response: ServerResponse): void {
  const token = access.issue(`system:serviceaccount:${namespace}:${name}`);
  const expirationTimestamp = new Date(Date.now() + 3_600_000).toISOString();
  const status = { token, expirationTimestamp };
  send(response, 201, { kind: "TokenRequest", apiVersion: "authentication.k8s.io/v1", metadata: { name, namespace }, status });
}

function scopeOf({ namespace, name }: ApiRequest): { namespace?: string; name?: string } {
  return { ...(namespace && { namespace }), ...(name && { name }) };
}

function sendList(cluster: ClusterState, store: ObjectStore, asked: ApiRequest, response: ServerResponse): void {
  const pieces = listPage(store, cluster.revision, asked.namespace, asked.query);
  for (const piece of pieces) {
    if (!response.headersSent)
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
    response.write(piece);
  }
  response.end();
}

function sendObject(
  response: ServerResponse,
  { kind: { kind, apiVersion } }: ObjectStore,
  { json }: StoredObject,
  status = 200,
): void {
  const body = `{"kind":"${kind}","apiVersion":"${apiVersion}",${json.slice(1)}\n`;
  send(response, status, body, { "content-type": "application/json" });
}

function objectOf(store: ObjectStore, { namespace = "", name = "" }: ApiRequest): StoredObject {
  const object = store.get(namespace, name);
  if (!object) throw new ApiError(notFound(store.kind.group, store.kind.plural, name));
  return object;
}

async function serveLog(cluster: ClusterState, asked: ApiRequest, response: ServerResponse): Promise<void> {
  const build = await startedBuild(cluster, asked, response);
  if (!build) {
    response.writeHead(204).end();
    return;
  }
  const log = cluster.logs.get(build.key) ?? usualLog(build);
  if (asked.query.follow !== "true" || typeof log !== "string")
    return sendLog(response, build.name, log, asked.query, cluster.logStreams);
  const isRunning = () => cluster.stores.builds.get(build.namespace, build.name)?.fields.status === "Running";
  await cluster.logStreams.follow(response, isRunning, () => {
    const now = cluster.logs.get(build.key) ?? log;
    return typeof now === "string" ? now : log;
  });
}

/** The log of a container, by `namespace/pod/container`. */
async function servePodLog(cluster: ClusterState, pod: StoredObject, asked: ApiRequest, response: ServerResponse): Promise<void> {
  const { container = "" } = asked.query;
  const key = `${pod.key}/${container}`;
  const log = cluster.logs.get(key);
  if (log === undefined) {
    const message = `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.name)} is waiting to start: PodInitializing`;
    throw new ApiError(badRequest(message));
  }
  if (asked.query.follow !== "true" || typeof log !== "string")
    return sendLog(response, pod.name, log, asked.query, cluster.logStreams);
  const isRunning = () => JSON.parse(cluster.stores.pods.get(pod.namespace, pod.name)?.json ?? "{}").status?.phase === "Running";
  await cluster.logStreams.follow(response, isRunning, () => String(cluster.logs.get(key) ?? log));
}

/** Waits for a build to start, unless told not to: undefined then. Throws `ApiError`. */
async function startedBuild(
  cluster: ClusterState,
  asked: ApiRequest,
  response: ServerResponse,
): Promise<StoredObject | undefined> {
  const { builds } = cluster.stores;
  if (hasStarted(objectOf(builds, asked))) return objectOf(builds, asked);
  if (asked.query.nowait === "true" || asked.query.nowait === "1") return undefined;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(notStarted(objectOf(builds, asked))), logPatience).unref();
  try {
    await Promise.race([late, cluster.changes.waitFor(() => response.destroyed || hasStarted(objectOf(builds, asked)))]);
    return objectOf(builds, asked);
  } finally {
    clearTimeout(timer);
  }
}

function refuse(error: unknown, response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else if (error instanceof UnknownGroup) send(response, 404, pageNotFound);
  else if (error instanceof ApiError) send(response, error.body.code, error.body);
  else send(response, 500, plainStatus(500, `Internal error occurred: ${error instanceof Error ? error.message : error}`));
}
