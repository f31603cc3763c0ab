import { createChanges } from "./changes.ts";
import { createListener, type TlsOptions } from "./listener.ts";
import {
  createObjectStore,
  createRevision,
  type ObjectStore,
  type Revision,
  type StoreEvent,
} from "./openshift/objects/object-store.ts";
import { type ApiObject, type ResourceName, resourceKinds } from "./openshift/objects/resource-kinds.ts";
import { type AccessControl, type AccessRule, createAccessControl } from "./openshift/requests/access.ts";
import { createFaults, type Fault, type FaultyRequest } from "./openshift/requests/faults.ts";
import { createRequestLog, type RecordedRequest } from "./openshift/requests/request-log.ts";
import { createRoutes } from "./openshift/routes.ts";
import type { BuildLog } from "./openshift/streams/build-log.ts";
import { createLogStreams } from "./openshift/streams/log-streams.ts";
import { createWatches, type WatchEnding } from "./openshift/streams/watches.ts";

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
  /** Ends the logs that are followed. */
  closeLogs(how: "clean" | "reset"): void;
  /** Sends a bookmark to every open watch that asked for them. */
  bookmark(): void;
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
  const logStreams = createLogStreams(stores.builds, changes);
  const put = (resource: ResourceName, object: ApiObject) => publish(resource, stores[resource].put(object));
  const route = createRoutes({ stores, revision, watches, access, logs, logStreams, put, changes });
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
    get(resource, namespace, name) {
      const stored = stores[resource].get(namespace, name);
      return stored && JSON.parse(stored.json);
    },
    setBuildLog(namespace, build, log) {
      logs.set(`${namespace}/${build}`, log);
      changes.notify();
    },
    bookmark: watches.bookmark,
    expire() {
      // Another client's write: versions handed out so far, the newest included, are older than the compaction.
      revision.next();
      for (const store of Object.values(stores)) store.compact();
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

function openAccess({ user = "developer", tokens, rules }: OpenShiftApiOptions): AccessControl {
  const access = createAccessControl(user);
  access.setTokens(tokens);
  access.setRules(rules);
  return access;
}

function createStores(revision: Revision, historyLimit: number): Record<ResourceName, ObjectStore> {
  return {
    builds: createObjectStore(resourceKinds.builds, revision, historyLimit),
    imagestreams: createObjectStore(resourceKinds.imagestreams, revision, historyLimit),
    events: createObjectStore(resourceKinds.events, revision, historyLimit),
  };
}

/** An image stream as a cluster shows it whose registry has a public route. */
function exposed(resource: ResourceName, object: ApiObject, host: string | undefined): ApiObject {
  if (resource !== "imagestreams" || !host) return object;
  const { namespace, name } = object.metadata ?? {};
  return { ...object, status: { ...object.status, publicDockerImageRepository: `${host}/${namespace}/${name}` } as object };
}
