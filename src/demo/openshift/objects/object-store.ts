import { randomUUID } from "node:crypto";
import { createKeyIndex } from "./key-index.ts";
import type { ApiObject, ResourceKind } from "./resource-kinds.ts";

/** One version of an object: its text, written once, and what selectors look at. */
export interface StoredObject {
  /** `namespace/name` */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
  /** JSON without `kind` and `apiVersion`, as lists hold it. */
  readonly json: string;
}

/** A change: no `before` means created, no `after` means deleted. */
export interface StoreEvent {
  readonly resourceVersion: number;
  readonly before: StoredObject | undefined;
  readonly after: StoredObject | undefined;
}

/** The version counter all resources of a cluster share, as they share one etcd. */
export interface Revision {
  readonly current: number;
  next(): number;
}

/** The objects of one resource, and their recent past. */
export interface ObjectStore {
  readonly kind: ResourceKind;
  /** The oldest version from which everything that happened since is still known. */
  readonly oldest: number;
  put(object: ApiObject): StoreEvent;
  remove(namespace: string, name: string): StoreEvent | undefined;
  get(namespace: string, name: string): StoredObject | undefined;
  /** The events after a version, oldest first; undefined when they are no longer known. */
  since(resourceVersion: number): readonly StoreEvent[] | undefined;
  /** The objects as they were at a version still known, in order of their keys, from a key on; all namespaces without one. */
  list(resourceVersion: number, namespace: string | undefined, from: string): Iterable<StoredObject>;
  /** Forgets the past. */
  compact(): void;
}

export function createRevision(start: number): Revision {
  let current = start;
  return {
    get current() {
      return current;
    },
    next() {
      current += 1;
      return current;
    },
  };
}

/** `historyLimit` is the number of events kept. */
export function createObjectStore(kind: ResourceKind, revision: Revision, historyLimit: number): ObjectStore {
  const objects = new Map<string, StoredObject>();
  const keys = createKeyIndex();
  const history: StoreEvent[] = [];
  let oldest = revision.current;

  function record(before: StoredObject | undefined, after: StoredObject | undefined, resourceVersion: number): StoreEvent {
    const event = { resourceVersion, before, after };
    history.push(event);
    if (history.length > historyLimit) oldest = history.shift()?.resourceVersion ?? oldest;
    return event;
  }

  function stateAt(resourceVersion: number): Map<string, StoredObject | undefined> {
    const changed = new Map<string, StoredObject | undefined>();
    for (const event of history.toReversed()) {
      if (event.resourceVersion <= resourceVersion) break;
      changed.set((event.after ?? event.before)?.key ?? "", event.before);
    }
    return changed;
  }

  return {
    kind,
    get oldest() {
      return oldest;
    },
    put(object) {
      const key = keyOf(kind, object);
      const before = objects.get(key);
      const version = revision.next();
      const after = stored(kind, withIdentity(object, version, before), key);
      objects.set(key, after);
      if (!before) keys.add(key);
      return record(before, after, version);
    },
    remove(namespace, name) {
      const key = `${namespace}/${name}`;
      const before = objects.get(key);
      if (!before) return undefined;
      objects.delete(key);
      keys.remove(key);
      return record(before, undefined, revision.next());
    },
    get: (namespace, name) => objects.get(`${namespace}/${name}`),
    since(resourceVersion) {
      if (resourceVersion < oldest) return undefined;
      return history.filter((event) => event.resourceVersion > resourceVersion);
    },
    *list(resourceVersion, namespace, from) {
      const prefix = namespace === undefined ? "" : `${namespace}/`;
      const changed = stateAt(resourceVersion);
      const gone = [...changed.keys()].filter((key) => !objects.has(key));
      for (const key of keys.from(prefix + from, prefix, gone)) {
        const object = changed.has(key) ? changed.get(key) : objects.get(key);
        if (object) yield object;
      }
    },
    compact() {
      history.length = 0;
      oldest = revision.current;
    },
  };
}

/** The same object's text with another version, as a DELETED event carries it. */
export function atVersion(object: StoredObject, resourceVersion: number): StoredObject {
  const parsed = JSON.parse(object.json) as ApiObject;
  const json = JSON.stringify({ ...parsed, metadata: { ...parsed.metadata, resourceVersion: String(resourceVersion) } });
  return { ...object, json };
}

function keyOf(kind: ResourceKind, object: ApiObject): string {
  const { namespace, name } = object.metadata ?? {};
  const isNamespaced = kind.resource !== "namespaces";
  if ((!namespace && isNamespaced) || !name) throw new TypeError("An object needs metadata.namespace and metadata.name");
  return `${namespace ?? ""}/${name}`;
}

function withIdentity(object: ApiObject, version: number, before: StoredObject | undefined): ApiObject {
  const known = before && (JSON.parse(before.json) as ApiObject).metadata;
  const { name, namespace, uid, creationTimestamp, ...rest } = object.metadata ?? {};
  return {
    ...object,
    metadata: {
      name,
      namespace,
      uid: uid ?? known?.uid ?? randomUUID(),
      creationTimestamp: creationTimestamp ?? known?.creationTimestamp ?? new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      ...rest,
      resourceVersion: String(version),
    },
  };
}

function stored(kind: ResourceKind, object: ApiObject, key: string): StoredObject {
  const { kind: _kind, apiVersion: _apiVersion, ...bare } = object as ApiObject & { kind?: string; apiVersion?: string };
  const slash = key.indexOf("/");
  return {
    key,
    namespace: key.slice(0, slash),
    name: key.slice(slash + 1),
    labels: { ...object.metadata?.labels },
    fields: kind.fields(object),
    json: JSON.stringify(bare),
  };
}
