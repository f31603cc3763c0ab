import type { Api, Query } from "../api/api.ts";
import { ApiError } from "../api/api-error.ts";

/** A part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** From where a watch misses nothing of the whole list: the state that the list's first page shows. */
  readonly resourceVersion: string;
}

/**
 * Lists page by page. When the server forgot the list's state underway, the rest comes as of now (an object changed meanwhile is seen by a
 * watch from the first page's state); if it offers no way to go on, the list starts over in one piece.
 */
export async function* listPages<T>(
  api: Api,
  path: string,
  query: Query,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<Page<T>> {
  let next: Query | undefined = { ...query, limit: pageSize };
  let resourceVersion: string | undefined;
  while (next) {
    const list: List<T> | ApiError = await readPage<T>(api, path, next, signal);
    if (list instanceof ApiError) {
      next = list.continueToken ? { ...next, continue: list.continueToken } : query;
      if (next === query) resourceVersion = undefined;
      continue;
    }
    resourceVersion ??= list.resourceVersion;
    yield { items: list.items, resourceVersion };
    next = list.continueToken ? { ...next, continue: list.continueToken } : undefined;
  }
}

/** One page, or the error that says the list's state is forgotten. */
async function readPage<T>(api: Api, path: string, query: Query, signal: AbortSignal): Promise<List<T> | ApiError> {
  try {
    return readList<T>(await api.getJson(path, query, signal), path);
  } catch (error) {
    if (query.continue !== undefined && error instanceof ApiError && error.fault === "Expired") return error;
    throw error;
  }
}

interface List<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken: string | undefined;
}

function readList<T>(answer: unknown, path: string): List<T> {
  const { items, metadata } = (answer ?? {}) as {
    items?: unknown;
    metadata?: { resourceVersion?: unknown; continue?: unknown } | null;
  };
  const version = metadata?.resourceVersion;
  if (typeof version !== "string" || version === "" || !(Array.isArray(items) || items === null || items === undefined)) {
    throw new ApiError("BadData", `The answer to ${path} is no list`);
  }
  const objects = (items ?? []).filter((item: unknown) => typeof item === "object" && item !== null) as T[];
  const token = metadata?.continue;
  return {
    items: objects,
    resourceVersion: version,
    continueToken: typeof token === "string" && token !== "" ? token : undefined,
  };
}
