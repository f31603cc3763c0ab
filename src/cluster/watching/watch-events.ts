import { ApiError, errorOfEvent } from "../api/api-error.ts";

/** The longest line a watch may send; etcd refuses objects above 1.5 MiB, and an event holds one. */
const longestLine = 8 * 1024 * 1024;

/** What one chunk of a watch contains. `error` came after the objects and ends the watch. */
export interface WatchBatch<T> {
  readonly objects: readonly T[];
  /** The position after the batch; undefined when it had no event. */
  readonly resourceVersion: string | undefined;
  readonly error: ApiError | undefined;
}

/** Decodes the events of a watch, chunk by chunk. */
export interface WatchDecoder<T> {
  decode(chunk: Buffer): WatchBatch<T>;
  /** The rest of a stream that ended: a last event without a line break, or nothing if it was cut off. */
  finish(): WatchBatch<T>;
}

type WatchEvent =
  | {
      readonly kind: "object";
      readonly object: object;
      readonly isDeleted: boolean;
      readonly resourceVersion: string | undefined;
    }
  | { readonly kind: "bookmark"; readonly resourceVersion: string | undefined }
  | { readonly kind: "error"; readonly error: ApiError };

/** What is kept of an object that a watch shows. */
export type ReadObject<T> = (object: unknown, isDeleted: boolean) => T;

export function createWatchDecoder<T>(read: ReadObject<T>): WatchDecoder<T> {
  let rest: Buffer[] = [];
  let restLength = 0;

  /** Lines are split as bytes, so that a character at the end of a chunk stays whole. */
  function* lines(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = rest.length > 0 ? Buffer.concat([...rest, chunk.subarray(start, end)]) : chunk.subarray(start, end);
      rest = [];
      restLength = 0;
      start = end + 1;
      yield line.toString("utf8");
    }
    if (start === chunk.length) return;
    rest.push(chunk.subarray(start));
    restLength += chunk.length - start;
  }

  function decode(chunk: Buffer): WatchBatch<T> {
    const batch = readEvents<T>(lines(chunk), read);
    if (batch.error || restLength <= longestLine) return batch;
    rest = [];
    restLength = 0;
    return { ...batch, error: new ApiError("BadData", `The watch sent a line of more than ${longestLine} bytes`) };
  }

  return {
    decode,
    finish() {
      const batch = decode(Buffer.from("\n"));
      return batch.error?.fault === "BadData" ? { ...batch, error: undefined } : batch;
    },
  };
}

function readEvents<T>(lines: Iterable<string>, read: ReadObject<T>): WatchBatch<T> {
  const objects: T[] = [];
  let resourceVersion: string | undefined;
  for (const line of lines) {
    if (line.trim() === "") continue;
    const event = parseEvent(line);
    if (event.kind === "error") return { objects, resourceVersion, error: event.error };
    if (event.kind === "object") objects.push(read(event.object, event.isDeleted));
    resourceVersion = event.resourceVersion ?? resourceVersion;
  }
  return { objects, resourceVersion, error: undefined };
}

function parseEvent(line: string): WatchEvent {
  const event = parseRecord(line);
  const object = event?.object;
  if (typeof event?.type !== "string") return { kind: "error", error: garbage() };
  if (event.type === "ERROR") return { kind: "error", error: errorOfEvent(object) };
  if (typeof object !== "object" || object === null) return { kind: "error", error: garbage() };
  const resourceVersion = resourceVersionOf(object);
  if (event.type === "BOOKMARK") return { kind: "bookmark", resourceVersion };
  return { kind: "object", object, isDeleted: event.type === "DELETED", resourceVersion };
}

function resourceVersionOf(object: { readonly metadata?: { readonly resourceVersion?: unknown } | null }): string | undefined {
  const version = object.metadata?.resourceVersion;
  return typeof version === "string" && version !== "" ? version : undefined;
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function garbage(): ApiError {
  return new ApiError("BadData", "The watch sent a line that is not an event");
}
