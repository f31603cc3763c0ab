/** A Kubernetes `Status`, the body of every error. Texts as recorded from a running server (test/fixtures/openshift). */
export interface ApiStatus {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: { readonly continue?: string };
  readonly status: "Failure";
  readonly message: string;
  readonly reason?: string;
  readonly details?: object;
  readonly code: number;
}

/** An API error on its way to the client. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly body: ApiStatus;

  constructor(body: ApiStatus) {
    super(body.message);
    this.body = body;
  }
}

export function unauthorized(): ApiStatus {
  return failure(401, "Unauthorized", "Unauthorized");
}

/** What RBAC says to a request for a resource. */
export function forbidden(
  user: string,
  access: { verb: string; group: string; resource: string; namespace?: string; name?: string },
) {
  const [resource = "", subresource] = access.resource.split("/");
  const qualified = `${resource}.${access.group}`;
  const named = access.name ? `${qualified} "${access.name}"` : qualified;
  const scope = access.namespace ? `in the namespace "${access.namespace}"` : "at the cluster scope";
  const what = `cannot ${access.verb} resource "${resource}${subresource ? `/${subresource}` : ""}" in API group "${access.group}" ${scope}`;
  return failure(403, "Forbidden", `${named} is forbidden: User "${user}" ${what}`, {
    ...(access.name && { name: access.name }),
    group: access.group,
    kind: resource,
  });
}

/** RBAC's answer to a request for a path that is not a resource. */
export function forbiddenPath(user: string, path: string): ApiStatus {
  return failure(403, "Forbidden", `forbidden: User "${user}" cannot get path "${path}"`, {});
}

export function notFound(group: string, resource: string, name: string): ApiStatus {
  return failure(404, "NotFound", `${resource}.${group} "${name}" not found`, { name, group, kind: resource });
}

/** The name already exists. */
export function alreadyExists(group: string, resource: string, name: string): ApiStatus {
  return failure(409, "AlreadyExists", `${resource}.${group} "${name}" already exists`, { name, group, kind: resource });
}

/** An object that does not pass validation. */
export function invalid(kind: string, name: string, mistake: string): ApiStatus {
  return failure(422, "Invalid", `${kind} "${name}" is invalid: ${mistake}`, { name, kind });
}

export function unknownPath(): ApiStatus {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

/** The text for a path that no part of the server knows (Go's http.NotFound). */
export const pageNotFound = "404 page not found\n";

/** A group that this server does not have is answered in plain text, before the API machinery sees it. */
export class UnknownGroup extends Error {
  override readonly name = "UnknownGroup";
}

export function methodNotAllowed(): ApiStatus {
  return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function badRequest(message: string): ApiStatus {
  return failure(400, "BadRequest", message);
}

/** A watch from before the oldest known event; it arrives inside the stream. */
export function tooOld(resourceVersion: number, oldest: number): ApiStatus {
  return failure(410, "Expired", `too old resource version: ${resourceVersion} (${oldest})`);
}

/** A list at a version that was compacted. */
export function listExpired(): ApiStatus {
  return failure(410, "Expired", "The resourceVersion for the provided list is too old.");
}

/** A `continue` token whose version was compacted; the new token goes on without consistency. */
export function continueExpired(token: string): ApiStatus {
  const message =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue " +
    "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided " +
    "token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was " +
    "returned and now may show up in the list.";
  return { ...failure(410, "Expired", message), metadata: { continue: token } };
}

/** A version that this server has not reached. */
export function tooLarge(resourceVersion: number, current: number): ApiStatus {
  return failure(504, "Timeout", `Timeout: Too large resource version: ${resourceVersion}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

/** A build that did not start while its log was waited for (openshift-apiserver, registry/buildlog). */
export function logTimeout(build: string): ApiStatus {
  return badRequest(`unable to wait for build ${build} to run: timed out waiting for the condition`);
}

const reasons: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  415: "UnsupportedMediaType",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** An error with nothing special about it. */
export function plainStatus(code: number, message = reasons[code] ?? "Failure"): ApiStatus {
  return failure(code, reasons[code], message);
}

function failure(code: number, reason: string | undefined, message: string, details?: object): ApiStatus {
  const base = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message } as const;
  return { ...base, ...(reason && { reason }), ...(details && { details }), code };
}
