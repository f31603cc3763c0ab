import type { Api, Query } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";
import { readList, TooLargeList } from "./list-reader.ts";

/** A part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The position from which a watch misses nothing: that of the list's first page. */
  readonly resourceVersion: string;
}

/** What is listed, and how. */
export interface ListSettings<T> {
  readonly api: Pick<Api, "open">;
  readonly path: string;
  readonly query: Query;
  /** The most objects in a page; pages of large objects have fewer. */
  readonly pageSize: number;
  /** Milliseconds without a byte. */
  readonly silence: number;
  /** What is kept of an object. */
  readonly read: (object: unknown) => T | Promise<T>;
  /** The most bytes of a page of several objects, if there is such a limit: a larger one is asked for again, with fewer. */
  readonly mostBytes?: number;
  /** Reads a page, with retries. */
  readonly attempt?: <R>(read: () => Promise<R>) => Promise<R>;
}

/** The wanted size of a page in bytes: after a larger one, the next page gets fewer objects, so that no request takes long. */
const wantedBytes = 16 * 1024 * 1024;

/**
 * Lists in pages. If the server forgets the list's state meanwhile, the rest shows the current state; a watch from the first page's position
 * sees what changed in between. If the list cannot be continued, it starts again without pages.
 */
export async function* listPages<T>(settings: ListSettings<T>, signal: AbortSignal): AsyncGenerator<Page<T>> {
  const { query, pageSize, attempt = (read) => read() } = settings;
  let limit = pageSize;
  let next: Query | undefined = { ...query, limit };
  let resourceVersion: string | undefined;
  while (next) {
    const asked: Query = next;
    const list: List<T> | ApiError | TooLargeList = await attempt(() => readPage(settings, asked, limit, signal));
    if (list instanceof TooLargeList) {
      limit = Math.max(Math.min(list.fits, Math.floor(limit / 2)), 1);
      next = { ...next, limit };
      continue;
    }
    if (list instanceof ApiError) {
      next = list.continueToken ? { ...next, continue: list.continueToken } : query;
      if (next === query) resourceVersion = undefined;
      continue;
    }
    resourceVersion ??= list.resourceVersion;
    yield { items: list.items, resourceVersion };
    limit = nextLimit(limit, pageSize, list.bytes);
    next = list.continueToken ? { ...next, limit, continue: list.continueToken } : undefined;
  }
}

function nextLimit(limit: number, most: number, bytes: number): number {
  if (bytes <= wantedBytes) return bytes * 4 > wantedBytes ? limit : Math.min(limit * 2, most);
  return Math.max(Math.floor((limit * wantedBytes) / bytes), 1);
}

/** One page, or the error that the list's state is forgotten, or that fewer objects must be asked for. */
async function readPage<T>(
  settings: ListSettings<T>,
  query: Query,
  limit: number,
  signal: AbortSignal,
): Promise<List<T> | ApiError | TooLargeList> {
  const { api, path, silence, read } = settings;
  const mostBytes = query.limit === undefined || limit === 1 ? undefined : settings.mostBytes;
  try {
    const stream = await api.open(path, query, silence, signal, true);
    try {
      return asList(await readList(stream.chunks, (object) => read(object), mostBytes), path);
    } finally {
      stream.end();
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof TooLargeList) return error;
    if (query.continue !== undefined && error instanceof ApiError && error.fault === "Expired") return error;
    throw error;
  }
}

interface List<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken: string | undefined;
  readonly bytes: number;
}

function asList<T>({ items, rest, bytes }: { items: readonly T[]; rest: unknown; bytes: number }, path: string): List<T> {
  const { items: none, metadata } = (rest ?? {}) as {
    items?: unknown;
    metadata?: { resourceVersion?: unknown; continue?: unknown } | null;
  };
  const version = metadata?.resourceVersion;
  if (typeof version !== "string" || version === "" || !(Array.isArray(none) || none === null || none === undefined)) {
    throw new ApiError("BadData", `The answer to ${path} is no list`);
  }
  const token = metadata?.continue;
  return { items, bytes, resourceVersion: version, continueToken: typeof token === "string" && token !== "" ? token : undefined };
}
