import { ApiError, badRequest, continueExpired, listExpired, tooLarge } from "../requests/api-status.ts";
import type { ObjectStore, Revision, StoredObject } from "./object-store.ts";
import { parseSelectors } from "./selectors.ts";

type Query = Readonly<Record<string, string>>;

/** Where a list begins and in which version of the cluster it is. */
interface Position {
  readonly resourceVersion: number;
  readonly from: string;
}

/** A page of a list as JSON, in pieces. Throws `ApiError` for what the query asks and the API cannot give. */
export function* listPage(store: ObjectStore, revision: Revision, namespace: string | undefined, query: Query): Iterable<string> {
  const wanted = parseSelectors(query.labelSelector, query.fieldSelector, Object.keys(store.kind.fields({})));
  const { resourceVersion, from } = positionOf(store, revision, query);
  const limit = limitOf(query);
  const items: StoredObject[] = [];
  let remaining = 0;
  for (const object of inOrder(store.list(resourceVersion, namespace, from), query)) {
    if (wanted && !wanted(object)) continue;
    if (items.length < limit) items.push(object);
    else remaining += 1;
  }
  const metadata = {
    resourceVersion: String(resourceVersion),
    ...(remaining > 0 && { continue: continueToken(resourceVersion, items.at(-1), namespace) }),
    ...(remaining > 0 && !wanted && { remainingItemCount: remaining }),
  };
  const { kind, apiVersion } = store.kind;
  yield `{"kind":"${kind}List","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`;
  for (let start = 0; start < items.length; start += 500) {
    const piece = items.slice(start, start + 500).map(({ json }) => json);
    yield `${start > 0 ? "," : ""}${piece.join(",")}`;
  }
  yield "]}\n";
}

/** A list at version 0 comes from memory, in the order of a hash map. */
function inOrder(objects: Iterable<StoredObject>, { resourceVersion }: Query): Iterable<StoredObject> {
  return resourceVersion === "0" ? [...objects].toReversed() : objects;
}

/** A version as a client writes it. Throws `ApiError` (400). */
export function parseVersion(text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new ApiError(badRequest(`Invalid value: ${JSON.stringify(text)}: invalid resource version`));
  return Number(text);
}

function positionOf(store: ObjectStore, revision: Revision, query: Query): Position {
  if (query.continue) return continued(store, revision, query);
  const asked = parseVersion(query.resourceVersion || "0");
  if (asked > revision.current) throw new ApiError(tooLarge(asked, revision.current));
  if (query.resourceVersionMatch && !query.resourceVersion) {
    throw new ApiError(badRequest("resourceVersionMatch is forbidden unless resourceVersion is provided"));
  }
  if (query.resourceVersionMatch !== "Exact") return { resourceVersion: revision.current, from: "" };
  if (asked < store.oldest) throw new ApiError(listExpired());
  return { resourceVersion: asked, from: "" };
}

function continued(store: ObjectStore, revision: Revision, query: Query): Position {
  if (query.resourceVersion) throw new ApiError(badRequest("specifying resource version is not allowed when using continue"));
  const { rv, start } = parseToken(query.continue ?? "");
  if (rv < 0) return { resourceVersion: revision.current, from: start };
  if (rv < store.oldest) throw new ApiError(continueExpired(encodeToken(-1, start)));
  return { resourceVersion: rv, from: start };
}

/** A list at version 0 is served from memory, where the API ignores the limit. */
function limitOf(query: Query): number {
  if (!query.limit || query.resourceVersion === "0") return Number.POSITIVE_INFINITY;
  if (!/^\d+$/.test(query.limit))
    throw new ApiError(badRequest(`strconv.ParseInt: parsing ${JSON.stringify(query.limit)}: invalid syntax`));
  return Number(query.limit) || Number.POSITIVE_INFINITY;
}

/** The token of the next page: the last key with the smallest character after it. */
function continueToken(resourceVersion: number, last: StoredObject | undefined, namespace: string | undefined): string {
  const key = namespace === undefined ? last?.key : last?.name;
  return encodeToken(resourceVersion, `${key}\0`);
}

function encodeToken(rv: number, start: string): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv, start })).toString("base64url");
}

function parseToken(token: string): { rv: number; start: string } {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (v === "meta.k8s.io/v1" && Number.isInteger(rv) && typeof start === "string") return { rv, start };
  } catch {
    // Falls through to the answer for every other invalid token.
  }
  throw new ApiError(badRequest("continue key is not valid"));
}
