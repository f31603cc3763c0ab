import type { ServerResponse } from "node:http";
import { resetConnection } from "../../answers.ts";
import { parseVersion } from "../objects/listing.ts";
import type { ObjectStore, Revision, StoredObject, StoreEvent } from "../objects/object-store.ts";
import { parseSelectors } from "../objects/selectors.ts";
import { tooOld } from "../requests/api-status.ts";
import { bookmarkLine, changeLine, errorLine, objectLine } from "./event-lines.ts";

/**
 * How a watch ends: `clean` as after its time-out, `reset` by the network, `silent` half-open (the connection stays, nothing comes any more),
 * `expired` by an ERROR event of code 410. `garbage` sends a line that is not JSON, and the watch continues.
 */
export type WatchEnding = "clean" | "reset" | "silent" | "expired" | "garbage";

/** The open watches of the cluster. */
export interface Watches {
  /** Those that still send. */
  readonly count: number;
  /** Answers a watch request. Throws `ApiError` before anything is sent. */
  open(response: ServerResponse, store: ObjectStore, namespace: string | undefined, query: Query): void;
  /** Tells every watch of this store that wants to know. */
  publish(store: ObjectStore, event: StoreEvent): void;
  bookmark(): void;
  /** Says how many watches it met. */
  close(how: WatchEnding): number;
}

type Query = Readonly<Record<string, string>>;

interface OpenWatch {
  readonly store: ObjectStore;
  readonly response: ServerResponse;
  readonly bookmarks: boolean;
  /** Events up to this version are the past, also when the cluster has not reached it yet; 0: it began with what there was. */
  readonly from: number;
  readonly sees: (object: StoredObject | undefined) => object is StoredObject;
}

export function createWatches(revision: Revision, onChange: () => void): Watches {
  const timers = new Map<OpenWatch, NodeJS.Timeout>();

  function start(watch: OpenWatch, timeoutSeconds: string | undefined): void {
    timers.set(
      watch,
      setTimeout(() => end(watch, "clean"), lifetime(timeoutSeconds)),
    );
    watch.response.once("close", () => {
      stop(watch);
      onChange();
    });
  }

  function stop(watch: OpenWatch): void {
    clearTimeout(timers.get(watch));
    timers.delete(watch);
  }

  function end(watch: OpenWatch, how: WatchEnding): void {
    const { response, from } = watch;
    if (how === "garbage") {
      response.write('{"type":"MODIFIED","object":{"kind":"Bui\n');
      return;
    }
    stop(watch);
    if (how === "clean") response.end();
    if (how === "reset") resetConnection(response);
    if (how === "expired") response.end(errorLine(tooOld(from, revision.current)));
  }

  return {
    get count() {
      return timers.size;
    },
    open(response, store, namespace, query) {
      const watch = readWatch(response, store, namespace, query);
      const past = watch.from > 0 ? store.since(watch.from) : undefined;
      response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
      response.flushHeaders();
      if (watch.from > 0 && !past) {
        response.end(errorLine(tooOld(watch.from, store.oldest)));
        return;
      }
      start(watch, query.timeoutSeconds);
      if (past) for (const event of past) deliver(watch, event);
      else deliverAll(watch, store.list(revision.current, namespace, ""));
    },
    publish(store, event) {
      for (const watch of timers.keys()) if (watch.store === store) deliver(watch, event);
    },
    bookmark() {
      for (const { response, store, bookmarks } of timers.keys()) {
        if (bookmarks) response.write(bookmarkLine(store.kind, revision.current));
      }
    },
    close(how) {
      const met = [...timers.keys()];
      for (const watch of met) end(watch, how);
      onChange();
      return met.length;
    },
  };
}

function readWatch(response: ServerResponse, store: ObjectStore, namespace: string | undefined, query: Query): OpenWatch {
  const wanted = parseSelectors(query.labelSelector, query.fieldSelector, Object.keys(store.kind.fields({})));
  return {
    store,
    response,
    bookmarks: query.allowWatchBookmarks === "true" || query.allowWatchBookmarks === "1",
    from: parseVersion(query.resourceVersion || "0"),
    sees: (object): object is StoredObject =>
      object !== undefined && (namespace === undefined || object.namespace === namespace) && (!wanted || wanted(object)),
  };
}

/** What an object's change is to this watch: coming into its selection is ADDED, leaving it DELETED. */
function deliver({ store, response, from, sees }: OpenWatch, event: StoreEvent): void {
  if (event.resourceVersion <= from) return;
  const { before, after } = event;
  if (sees(after)) response.write(changeLine(store.kind, sees(before) ? "MODIFIED" : "ADDED", after, event));
  else if (sees(before)) response.write(changeLine(store.kind, "DELETED", before, event));
}

function deliverAll({ store, response, sees }: OpenWatch, objects: Iterable<StoredObject>): void {
  for (const object of objects) if (sees(object)) response.write(objectLine(store.kind, "ADDED", object));
}

/** Milliseconds; a server left to itself ends a watch after 30 to 60 minutes. */
function lifetime(timeoutSeconds: string | undefined): number {
  return (Number(timeoutSeconds) || 1800 * (1 + Math.random())) * 1000;
}
