import { createHash } from "node:crypto";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { getCACertificates } from "node:tls";
import axios, { AxiosError, type AxiosResponse, isAxiosError } from "axios";
import type { Clock } from "../core/clock.ts";
import { failureAt } from "../core/errors.ts";
import { type Challenge, createAuthorizer } from "./authorization.ts";
import type { RegistryLogin } from "./credentials.ts";
import { answerFailure, connectionFailure, isWrongProtocol } from "./http-failures.ts";

/** How one repository of one registry is reached, for one job. */
export interface RegistryAccess {
  readonly registry: string;
  readonly repository: string;
  readonly actions: "pull" | "pull,push";
  readonly login: RegistryLogin | undefined;
  /** Without it certificates are not verified, and plain HTTP is tried where HTTPS is not spoken. */
  readonly verifyTls: boolean;
  /** CA certificates trusted beside the system's, as PEM. */
  readonly certificates: string;
}

export interface RegistryRequest {
  readonly method: "HEAD" | "GET" | "PUT" | "POST" | "DELETE";
  /** Below `/v2/<repository>/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly body: Buffer;
  header(name: string): string | undefined;
}

export type SendToRegistry = (request: RegistryRequest, signal: AbortSignal) => Promise<RegistryAnswer>;

export interface RegistryHttp {
  /** A sender for one repository. It answers 2xx and 404; everything else is thrown as a `JobError`. */
  open(access: RegistryAccess): SendToRegistry;
  /** What the registry asks of a caller without login; undefined when it asks nothing. */
  challenge(access: RegistryAccess, signal: AbortSignal): Promise<Challenge | undefined>;
  close(): void;
}

/** Manifests are limited to 4 MiB by the registries themselves (distribution, `MaxManifestBodySize`). */
const longestBody = 8 * 1024 * 1024;
const requestTimeout = 30_000;

/** The registry HTTP API's way of speaking: connections kept alive, schemes and challenges found out once, logins never kept. */
export function createRegistryHttp(clock: Clock): RegistryHttp {
  const agents = createAgents();
  const schemes = new Map<string, "https" | "http">();

  return {
    open,
    async challenge(access, signal) {
      const request = { method: "GET", path: "tags/list" } as const;
      const { status, headers } = await within(access, request, signal, () => send(access, request, undefined, signal));
      return status === 401 ? text(headers["www-authenticate"]) : undefined;
    },
    close: () => agents.close(),
  };

  function open(access: RegistryAccess): SendToRegistry {
    const authorizer = createAuthorizer({ ...access, now: clock.now }, (url, init, signal) =>
      exchange(access, url, init, signal),
    );
    return (request, signal) =>
      within(access, request, signal, async (what) => {
        const first = await send(access, request, authorizer.header(), signal);
        const challenge = first.status === 401 ? first.headers["www-authenticate"] : undefined;
        const header = challenge && (await authorizer.answer(challenge as Challenge, signal));
        return readAnswer(header ? await send(access, request, header, signal) : first, what, clock.now());
      });
  }

  /** Nothing secret is sent before the scheme is known: the first request of all carries no login. */
  async function send(access: RegistryAccess, request: RegistryRequest, authorization: string | undefined, signal: AbortSignal) {
    const { registry, repository, verifyTls } = access;
    const headers = { "User-Agent": "build-watcher", ...request.headers, ...(authorization && { Authorization: authorization }) };
    const init = { method: request.method, headers, ...(request.body && { data: request.body }) };
    const url = (scheme: string) => `${scheme}://${hostOf(registry)}/v2/${repository}/${request.path}`;
    const known = verifyTls ? "https" : schemes.get(registry);
    if (known) return exchange(access, url(known), init, signal);
    try {
      const answer = await exchange(access, url("https"), init, signal);
      schemes.set(registry, "https");
      return answer;
    } catch (error) {
      if (!(error instanceof AxiosError) || !(isWrongProtocol(error) || error.code === "ECONNREFUSED")) throw error;
    }
    const answer = await exchange(access, url("http"), init, signal);
    schemes.set(registry, "http");
    return answer;
  }

  function exchange(access: RegistryAccess, url: string, init: Exchange, signal: AbortSignal): Promise<AxiosResponse<Buffer>> {
    return axios.request<Buffer>({
      ...init,
      url,
      signal,
      ...agents.get(access),
      responseType: "arraybuffer",
      timeout: requestTimeout,
      maxRedirects: init.method === "GET" || init.method === "HEAD" ? 3 : 0,
      maxContentLength: longestBody,
      maxBodyLength: longestBody,
      transformRequest: (data: unknown) => data,
      validateStatus: () => true,
    });
  }
}

export interface Exchange {
  readonly method: RegistryRequest["method"];
  readonly headers: Readonly<Record<string, string>>;
  readonly data?: Buffer | string;
}

/** Tells a failure to get an answer at all as the `JobError` it is. */
async function within<T>(
  { registry, repository }: RegistryAccess,
  { method, path }: RegistryRequest,
  signal: AbortSignal,
  act: (what: string) => Promise<T>,
): Promise<T> {
  const what = `${method} ${registry}/v2/${repository}/${path}`;
  try {
    return await act(what);
  } catch (error) {
    signal.throwIfAborted();
    throw failureAt(isAxiosError(error) ? connectionFailure(error, what) : error, registry);
  }
}

function readAnswer({ status, data, headers }: AxiosResponse<Buffer>, what: string, now: number): RegistryAnswer {
  const header = (name: string) => text(headers[name]);
  const body = Buffer.from(data);
  if (status < 300 || status === 404) return { status, body, header };
  throw answerFailure({ status, body, retryAfter: header("retry-after") }, what, now);
}

/** Docker Hub's API has another host than its images' names. */
function hostOf(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

function createAgents() {
  const httpAgent = new HttpAgent({ keepAlive: true });
  const httpsAgents = new Map<string, HttpsAgent>();
  return {
    get({ verifyTls, certificates }: RegistryAccess) {
      const key = `${verifyTls} ${createHash("sha256").update(certificates).digest("hex")}`;
      const known = httpsAgents.get(key);
      if (known) return { httpAgent, httpsAgent: known };
      const trust = verifyTls ? { ca: trusted(certificates) } : { rejectUnauthorized: false };
      const httpsAgent = new HttpsAgent({ keepAlive: true, ...trust });
      httpsAgents.set(key, httpsAgent);
      return { httpAgent, httpsAgent };
    },
    close() {
      httpAgent.destroy();
      for (const agent of httpsAgents.values()) agent.destroy();
    },
  };
}

/** Node's own CAs and the machine's, which skopeo trusts. */
function trusted(certificates: string): string[] {
  return [...getCACertificates("default"), ...getCACertificates("system"), certificates].filter(Boolean);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
