import type { IncomingMessage } from "node:http";
import { readTarget } from "../../answers.ts";
import { bearerToken } from "./access.ts";
import type { FaultyRequest } from "./faults.ts";

/** A request as the API understands it. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** `list`, `watch`, `get`, `create`, `update`, `patch` or `delete`. */
  readonly verb: string;
  /** Empty for paths outside of API groups. */
  readonly apiGroup: string;
  /** `builds`, `builds/log`, …; empty for discovery. */
  readonly resource: string;
  /** Absent: the whole cluster. */
  readonly namespace?: string;
  readonly name?: string;
  readonly token?: string;
}

const resourcePath = /^\/(?:api|apis\/([^/]+))\/[^/]+(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/;

export function readRequest(request: IncomingMessage): ApiRequest {
  const { path, query } = readTarget(request);
  const [, apiGroup = "", namespace, plural = "", name, subresource] = (resourcePath.exec(path) ?? []).map(decoded);
  const token = bearerToken(request);
  return {
    method: request.method ?? "GET",
    path,
    query,
    verb: verbOf(request.method ?? "GET", plural, name, query),
    apiGroup,
    resource: subresource ? `${plural}/${subresource}` : plural,
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(token && { token }),
  };
}

/** What faults are chosen by. */
export function sortOf(request: ApiRequest): FaultyRequest {
  if (request.resource.endsWith("/log")) return "log";
  if (["users", "selfsubjectreviews"].includes(request.resource)) return "identity";
  if (request.verb === "patch" || (request.verb === "create" && request.resource === "events")) return "write";
  if (request.verb === "list" || request.verb === "watch" || request.verb === "get")
    return request.resource ? request.verb : "any";
  return "any";
}

function verbOf(method: string, plural: string, name: string | undefined, query: Readonly<Record<string, string>>): string {
  if (method === "GET" && (name || !plural)) return "get";
  if (method === "GET") return query.watch === "true" || query.watch === "1" ? "watch" : "list";
  return { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" }[method] ?? method.toLowerCase();
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    return text;
  }
}
