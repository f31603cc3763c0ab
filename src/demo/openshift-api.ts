import { createChanges } from "./changes.ts";
import { createListener, type TlsOptions } from "./listener.ts";
import {
  createObjectStore,
  createRevision,
  type ObjectStore,
  type Revision,
  type StoredObject,
  type StoreEvent,
} from "./openshift/objects/object-store.ts";
import { type ApiObject, type InstalledGroup, type ResourceName, resourceKinds } from "./openshift/objects/resource-kinds.ts";
import { type AccessControl, type AccessRule, anonymous, createAccessControl } from "./openshift/requests/access.ts";
import { forbidden, pageNotFound } from "./openshift/requests/api-status.ts";
import { createFaults, type Fault, type Faults, type FaultyRequest } from "./openshift/requests/faults.ts";
import { createRequestLog, type RecordedRequest } from "./openshift/requests/request-log.ts";
import { createRoutes } from "./openshift/routes.ts";
import type { BuildLog } from "./openshift/streams/build-log.ts";
import { createLogStreams } from "./openshift/streams/log-streams.ts";
import { createWatches, type WatchEnding, type Watches } from "./openshift/streams/watches.ts";

export type { AccessRule } from "./openshift/requests/access.ts";
export type { Fault, FaultyRequest } from "./openshift/requests/faults.ts";
export type { RecordedRequest } from "./openshift/requests/request-log.ts";
export type { BuildLog } from "./openshift/streams/build-log.ts";
export type { WatchEnding } from "./openshift/streams/watches.ts";

export interface OpenShiftApiOptions {
  /** Who everybody is while no tokens are set. */
  readonly user?: string;
  /** Users by token; absent: every request is let in. */
  readonly tokens?: Readonly<Record<string, string>>;
  /** Absent: every known user may do everything. */
  readonly rules?: readonly AccessRule[];
  /** With `ca`, client certificates of that authority are asked for; their common name is the user. */
  readonly tls?: TlsOptions;
  /** Milliseconds between bookmarks; 60 s as the real server has it. */
  readonly bookmarkInterval?: number;
  /** Events kept per resource; watches and page tokens from before them are answered with 410. */
  readonly historyLimit?: number;
  /** The operators' APIs that it has from the beginning. */
  readonly installed?: readonly InstalledGroup[];
  /** The registry's public host, shown in image streams as on a cluster that exposes it. */
  readonly publicRegistry?: string;
}

/** An OpenShift API server in this process: builds, image streams, and every way in which such a server is known to fail. */
export interface OpenShiftApi {
  /** Throws before `listen()`. */
  readonly url: string;
  listen(port?: number): Promise<void>;
  /** Creates or updates the object named by its metadata; watches hear of it. */
  put(resource: ResourceName, object: object): void;
  /** Deletes; watches get the last state with a new resourceVersion. */
  remove(resource: ResourceName, namespace: string, name: string): void;
  get(resource: ResourceName, namespace: string, name: string): object | undefined;
  /** Whoever follows the log of a running build gets what a longer text has more. */
  setBuildLog(namespace: string, build: string, log: BuildLog): void;
  /** What a container of a pod wrote; until it is set the container waits to start. */
  setPodLog(namespace: string, pod: string, container: string, log: BuildLog): void;
  /** Brings the APIs of an operator: until then the cluster does not know them. */
  install(group: InstalledGroup): void;
  /** The same for the operator that goes; open watches end. */
  uninstall(group: InstalledGroup): void;
  /** Ends the logs that are followed. */
  closeLogs(how: "clean" | "reset"): void;
  /** Sends a bookmark to every open watch that asked for them. */
  bookmark(): void;
  /**
   * Breaks every connection and comes back as a server does that just started: watches do not know what was before, and until `ready()` is
   * called every request gets one of the answers of such a server.
   */
  restart(): { ready(): void };
  /** Compacts everything before now: page tokens and resourceVersions handed out so far are answered with 410. */
  expire(): void;
  closeWatches(how: WatchEnding): number;
  /** The next `times` requests of this sort fail; `Infinity` until `heal()`. */
  fail(on: FaultyRequest, fault: Fault, times?: number): void;
  /** Forgets the faults that did not happen yet. */
  heal(): void;
  setRules(rules: readonly AccessRule[] | undefined): void;
  setTokens(tokens: Readonly<Record<string, string>> | undefined): void;
  /** The last 10,000. */
  readonly requests: readonly RecordedRequest[];
  /** Those that still send events. */
  readonly openWatches: number;
  /** Logs that are followed. */
  readonly openLogs: number;
  /** TCP connections accepted so far. */
  readonly connections: number;
  /** Resolves when the condition holds, now or after a change; rejects when the server is closed before. */
  waitFor(condition: (api: OpenShiftApi) => boolean): Promise<void>;
  close(): Promise<void>;
}

export function createOpenShiftApi(options: OpenShiftApiOptions = {}): OpenShiftApi {
  const revision = createRevision(500);
  const stores = createStores(revision, options.historyLimit ?? 1000);
  const changes = createChanges<OpenShiftApi>(() => api);
  const watches = createWatches(revision, changes.notify);
  const access = openAccess(options);
  const faults = createFaults();
  const logs = new Map<string, BuildLog>();
  const logStreams = createLogStreams(changes);
  const put = (resource: ResourceName, object: ApiObject) => publish(resource, stores[resource].put(object));
  const installed = new Set<string>(options.installed);
  const route = createRoutes({ installed, stores, revision, watches, access, logs, logStreams, put, changes });
  const { requests, handle } = createRequestLog(access, faults, route, changes.notify);
  const listener = createListener(handle, options.tls, changes.notify);
  let bookmarks: NodeJS.Timeout | undefined;

  function publish(resource: ResourceName, event: StoreEvent): void {
    watches.publish(stores[resource], event);
    changes.notify();
  }

  const api: OpenShiftApi = {
    get url() {
      return listener.url;
    },
    async listen(port) {
      await listener.listen(port);
      bookmarks = setInterval(watches.bookmark, options.bookmarkInterval ?? 60_000).unref();
    },
    put: (resource, object) => put(resource, exposed(resource, object, options.publicRegistry)),
    remove(resource, namespace, name) {
      const event = stores[resource].remove(namespace, name);
      if (!event) return;
      if (resource === "builds") logs.delete(`${namespace}/${name}`);
      publish(resource, event);
    },
    get: (resource, namespace, name) => parsed(stores[resource].get(namespace, name)),
    ...logSetters(logs, changes.notify),
    bookmark: watches.bookmark,
    ...operators(installed, watches),
    expire: () => forgetHistory(stores, revision),
    restart() {
      watches.close("reset");
      logStreams.close("reset");
      api.expire();
      return beginStarting(faults, options.user);
    },
    closeLogs: logStreams.close,
    closeWatches: watches.close,
    fail: (on, fault, times = 1) => faults.add(on, fault, times),
    heal: faults.clear,
    setRules: access.setRules,
    setTokens: access.setTokens,
    requests,
    get openWatches() {
      return watches.count;
    },
    get openLogs() {
      return logStreams.count;
    },
    get connections() {
      return listener.connections;
    },
    waitFor: changes.waitFor,
    async close() {
      clearInterval(bookmarks);
      await listener.close();
      changes.close();
    },
  };
  return api;
}

function operators(installed: Set<string>, watches: Watches): Pick<OpenShiftApi, "install" | "uninstall"> {
  return {
    install: (group) => void installed.add(group),
    uninstall(group) {
      installed.delete(group);
      watches.close("clean");
    },
  };
}

/** Before its groups, its users and its rights are known. */
function beginStarting(faults: Faults, user = usualUser): { ready(): void } {
  const unknown = { status: 404, body: pageNotFound };
  const access = { verb: "watch", group: "build.openshift.io", resource: "builds" };
  const refused = [anonymous, user].map((who) => ({ status: 403, body: forbidden(who, access) }));
  for (const fault of [unknown, ...refused]) faults.add("any", fault, 1);
  faults.add("any", unknown, Number.POSITIVE_INFINITY);
  return { ready: faults.clear };
}

/** With another client's write: versions handed out so far, the newest included, are older than the compaction. */
function forgetHistory(stores: Record<ResourceName, ObjectStore>, revision: Revision): void {
  revision.next();
  for (const store of Object.values(stores)) store.compact();
}

function parsed(stored: StoredObject | undefined): object | undefined {
  return stored && JSON.parse(stored.json);
}

function logSetters(logs: Map<string, BuildLog>, notify: () => void): Pick<OpenShiftApi, "setBuildLog" | "setPodLog"> {
  function setBuildLog(namespace: string, build: string, log: BuildLog): void {
    logs.set(`${namespace}/${build}`, log);
    notify();
  }
  return {
    setBuildLog,
    setPodLog: (namespace, pod, container, log) => setBuildLog(namespace, `${pod}/${container}`, log),
  };
}

const usualUser = "developer";

function openAccess({ user = usualUser, tokens, rules }: OpenShiftApiOptions): AccessControl {
  const access = createAccessControl(user);
  access.setTokens(tokens);
  access.setRules(rules);
  return access;
}

function createStores(revision: Revision, historyLimit: number): Record<ResourceName, ObjectStore> {
  const entries = Object.values(resourceKinds).map((kind) => [kind.resource, createObjectStore(kind, revision, historyLimit)]);
  return Object.fromEntries(entries);
}

/** An image stream as a cluster shows it whose registry has a public route. */
function exposed(resource: ResourceName, object: ApiObject, host: string | undefined): ApiObject {
  if (resource !== "imagestreams" || !host) return object;
  const { namespace, name } = object.metadata ?? {};
  return { ...object, status: { ...object.status, publicDockerImageRepository: `${host}/${namespace}/${name}` } as object };
}
