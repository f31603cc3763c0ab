import { atVersion, type StoredObject, type StoreEvent } from "../objects/object-store.ts";
import type { ResourceKind } from "../objects/resource-kinds.ts";
import type { ApiStatus } from "../requests/api-status.ts";

export type EventType = "ADDED" | "MODIFIED" | "DELETED";

const made = new WeakMap<StoreEvent, Map<EventType, Buffer>>();

/** What a watch sends about a change, made once however many watch. A DELETED event holds the last state with the deletion's version. */
export function changeLine(kind: ResourceKind, type: EventType, object: StoredObject, event: StoreEvent): Buffer {
  const lines = made.get(event) ?? new Map<EventType, Buffer>();
  made.set(event, lines);
  const line = lines.get(type) ?? Buffer.from(objectLine(kind, type, versioned(type, object, event)));
  lines.set(type, line);
  return line;
}

/** An object as it is. */
export function objectLine({ kind, apiVersion }: ResourceKind, type: EventType, { json }: StoredObject): string {
  return `{"type":"${type}","object":{"kind":"${kind}","apiVersion":"${apiVersion}",${json.slice(1)}}\n`;
}

/** A bookmark, with Go's empty value for everything but the version. */
export function bookmarkLine({ kind, apiVersion, empty }: ResourceKind, resourceVersion: number): string {
  const metadata = { resourceVersion: String(resourceVersion), creationTimestamp: null };
  return `${JSON.stringify({ type: "BOOKMARK", object: { kind, apiVersion, metadata, ...empty } })}\n`;
}

export function errorLine(status: ApiStatus): string {
  return `${JSON.stringify({ type: "ERROR", object: status })}\n`;
}

function versioned(type: EventType, object: StoredObject, event: StoreEvent): StoredObject {
  return type === "DELETED" ? atVersion(object, event.resourceVersion) : object;
}
