import type { RequestOptions } from "node:https";
import type { Dispatcher } from "undici";
import { withoutEnd } from "../../core/outside-text.ts";
import type { KubeconfigSource } from "./context.ts";
import { type Authentication, type Credentials, createCredentials, type Session } from "./credentials.ts";
import { createDispatchers, type Dispatchers } from "./dispatchers.ts";

/** An authenticated way to the API server: credentials are read for every request, connections are kept. */
export interface Connection {
  /** The API server's URL. */
  readonly server: string;
  /** The namespace of the kubeconfig's context, or of the pod. */
  readonly namespace: string | undefined;
  /** Whether the bot reaches the cluster as one of its pods. */
  readonly inPod: boolean;
  /** Sends a GET. After a 401 it is retried once with credentials that are read again. The caller consumes or destroys the body. */
  get(path: string, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** The same for a POST of JSON. */
  post(path: string, body: object, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** The same for a JSON merge patch (RFC 7386). */
  patch(path: string, body: object, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** The token that requests carry at the moment; undefined when they authenticate otherwise. */
  bearerToken(signal: AbortSignal): Promise<string | undefined>;
  /** The same server and certificate, authenticated only with this token. */
  withToken(token: string): Connection;
  close(): Promise<void>;
}

interface ApiCall {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly body?: object;
}

/** Finds the credentials. Throws `JobError("ClusterUnavailable")` when there are none or they cannot be read. Sends nothing yet. */
export async function openConnection(source: KubeconfigSource): Promise<Connection> {
  const credentials = createCredentials(source);
  return connect(credentials, await credentials.session(), createDispatchers());
}

function connect(credentials: Credentials, first: Session, dispatchers: Dispatchers): Connection {
  async function send(
    authentication: Authentication,
    { method, path, body }: ApiCall,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const { context } = authentication.session;
    const server = new URL(context.server);
    return dispatchers.current(context, authentication.options).request({
      origin: server.origin,
      path: `${withoutEnd(server.pathname, "/")}${path}`,
      method,
      ...(body && { body: JSON.stringify(body) }),
      headers: {
        accept: "application/json, */*",
        "user-agent": "build-watcher",
        ...(body && { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" }),
        ...authorization(authentication.options),
      },
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async function call(asked: ApiCall, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const authentication = await credentials.authenticate(signal);
    signal.throwIfAborted();
    const response = await send(authentication, asked, signal);
    if (response.statusCode !== 401) return response;
    await response.body.dump({ limit: 65_536, signal });
    credentials.refuse(authentication.session);
    const again = await credentials.authenticate(signal);
    signal.throwIfAborted();
    return send(again, asked, signal);
  }

  return {
    server: first.context.server,
    namespace: first.context.namespace,
    inPod: first.read.pod !== undefined,
    get: (path, signal) => call({ method: "GET", path }, signal),
    post: (path, body, signal) => call({ method: "POST", path, body }, signal),
    patch: (path, body, signal) => call({ method: "PATCH", path, body }, signal),
    async bearerToken(signal) {
      const header = authorization((await credentials.authenticate(signal)).options).Authorization;
      return typeof header === "string" ? /^Bearer (\S+)$/.exec(header)?.[1] : undefined;
    },
    withToken: (token) => connect(replaced(credentials, token), first, dispatchers),
    close: () => dispatchers.close(),
  };
}

/** The same connection, with one token instead of headers and client certificates. */
function replaced(credentials: Credentials, token: string): Credentials {
  return {
    ...credentials,
    async authenticate(signal) {
      const { session, options } = await credentials.authenticate(signal);
      const { cert: _cert, key: _key, auth: _auth, ...others } = options;
      return { session, options: { ...others, headers: { Authorization: `Bearer ${token}` } } };
    },
    refuse: () => {},
  };
}

function authorization({ headers, auth }: RequestOptions): Record<string, string> {
  const given = headers as Record<string, string>;
  return auth ? { Authorization: `Basic ${Buffer.from(auth).toString("base64")}`, ...given } : given;
}
