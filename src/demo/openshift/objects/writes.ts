import type { IncomingMessage } from "node:http";
import { readBody } from "../../answers.ts";
import { ApiError, alreadyExists, badRequest, invalid, notFound, plainStatus } from "../requests/api-status.ts";
import type { ObjectStore } from "./object-store.ts";
import type { ApiObject } from "./resource-kinds.ts";

type Fields = Readonly<Record<string, unknown>>;

/** An object after a JSON merge patch (RFC 7386). Throws `ApiError`: another's uid is a field that cannot change. */
export async function patched(store: ObjectStore, namespace: string, name: string, request: IncomingMessage): Promise<ApiObject> {
  const { group, resource } = store.kind;
  requireType(request, ["application/merge-patch+json"]);
  const change = await readPatch(request);
  const stored = store.get(namespace, name);
  if (!stored) throw new ApiError(notFound(group, resource, name));
  const before = JSON.parse(stored.json) as ApiObject;
  const after = merged(before, change) as ApiObject;
  if (after.metadata?.uid !== before.metadata?.uid) {
    const mistake = `metadata.uid: Invalid value: "${after.metadata?.uid}": field is immutable`;
    throw new ApiError(invalid(`${store.kind.kind}.${group}`, name, mistake));
  }
  const [mistake] = annotationMistakes(after);
  if (mistake !== undefined) throw new ApiError(invalid(`${store.kind.kind}.${group}`, name, mistake));
  return after;
}

/** apimachinery, pkg/api/validation/objectmeta.go: names are qualified, and all together are at most 256 KiB. */
function* annotationMistakes({ metadata }: ApiObject): Generator<string> {
  const annotations = Object.entries(metadata?.annotations ?? {});
  for (const [key] of annotations) {
    if (!/^(?:[a-z0-9.-]{1,253}\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(key))
      yield `metadata.annotations: Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.'`;
  }
  const size = annotations.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)), 0);
  if (size > 262_144) yield "metadata.annotations: Too long: may not be more than 262144 bytes";
}

function requireType(request: IncomingMessage, accepted: readonly string[]): void {
  const type = request.headers["content-type"]?.split(";")[0] ?? "";
  if (accepted.includes(type)) return;
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  throw new ApiError(plainStatus(415, message));
}

/** A patch that is not JSON is an error of the server (500). */
async function readPatch(request: IncomingMessage): Promise<Fields> {
  const body = await readBody(request);
  try {
    return { ...JSON.parse(body) };
  } catch (error) {
    throw new ApiError(plainStatus(500, `error decoding patch: ${error instanceof Error ? error.message : error}`));
  }
}

/** An Event as a client posts it. Throws `ApiError` for what events.k8s.io/v1 refuses (pkg/apis/core/validation/events.go). */
export async function postedEvent(store: ObjectStore, namespace: string, request: IncomingMessage): Promise<ApiObject> {
  requireType(request, ["application/json"]);
  const event = await readObject(request);
  const { metadata } = event as ApiObject;
  const name = metadata?.name ?? "";
  if ((metadata?.namespace ?? namespace) !== namespace) {
    throw new ApiError(badRequest("the namespace of the provided object does not match the namespace sent on the request"));
  }
  const [mistake] = eventMistakes(event, namespace);
  if (mistake !== undefined) throw new ApiError(invalid("Event.events.k8s.io", name, mistake));
  if (store.get(namespace, name)) throw new ApiError(alreadyExists("events.k8s.io", "events", name));
  return { ...event, metadata: { ...metadata, namespace } } as ApiObject;
}

function* eventMistakes(event: Fields, namespace: string): Generator<string> {
  const text = (field: string) => String(event[field] ?? "");
  for (const field of ["reportingController", "reportingInstance", "action", "reason", "type", "eventTime"]) {
    if (text(field) === "") yield `${field}: Required value`;
  }
  for (const field of ["reportingInstance", "action", "reason"]) {
    if (Buffer.byteLength(text(field)) > 128) yield `${field}: Invalid value: "": can have at most 128 characters`;
  }
  if (!/^[a-z0-9.-]+\/[\w.-]+$/.test(text("reportingController")))
    yield "reportingController: Invalid value: name part must be qualified";
  if (!["Normal", "Warning"].includes(text("type"))) yield `type: Invalid value: "": has invalid value: ${text("type")}`;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text("eventTime"))) yield "eventTime: Invalid value: no MicroTime";
  if (Buffer.byteLength(text("note")) > 1024) yield 'note: Invalid value: "": can have at most 1024 characters';
  const regarding = event.regarding as { readonly namespace?: string } | undefined;
  if (regarding?.namespace !== namespace) yield "involvedObject.namespace: Invalid value: does not match event.namespace";
}

async function readObject(request: IncomingMessage): Promise<Fields> {
  try {
    return { ...JSON.parse(await readBody(request)) };
  } catch (error) {
    throw new ApiError(badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : error}`));
  }
}

function merged(target: unknown, change: unknown): unknown {
  if (!isFields(change)) return change;
  const result: Record<string, unknown> = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
