import axios, { Axios } from "axios";
import type { Clock } from "../../core/clock.ts";
import { noProxies, type Proxies } from "../../core/hosts/proxy.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { withoutEnd } from "../../core/outside-text.ts";
import { createAgents, proxyFailure, proxyRefusal } from "../../network/agents.ts";
import type { Service } from "../service.ts";
import { answerError, connectionError, protocolError } from "./answers.ts";
import { parseJson } from "./parse-json.ts";

export interface HttpSettings {
  /** The base URL for request paths, without a slash at its end; see `serviceUrl`. */
  readonly url: string;
  readonly service: Service;
  readonly verifyTls: boolean;
  /** Milliseconds one request may take, the whole of its answer included. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly proxies?: Proxies | undefined;
  /** Called with every request that ended; without a status when there was no answer. */
  readonly onRequest?: (request: EndedRequest) => void;
}

export interface EndedRequest {
  readonly method: string;
  readonly status: number | undefined;
  readonly milliseconds: number;
}

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | boolean | undefined>>;
  /** An object is sent as JSON; a text, a form or multipart data unchanged. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Texts that must not appear in an error, should the other side repeat them. */
  readonly secrets?: readonly string[];
  /** Statuses that are an answer like a 2xx, not an error. */
  readonly expect?: readonly number[];
  /** Milliseconds that this request may take, instead of the endpoint's. */
  readonly timeout?: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** The body as a JSON object. Throws `JobError("AnalyzerProtocol")` for anything else. */
  readonly json: () => Readonly<Record<string, unknown>>;
  /** The body as a JSON list. Throws the same. */
  readonly list: () => readonly unknown[];
  readonly text: string;
  readonly header: (name: string) => string | undefined;
}

export interface HttpEndpoint {
  /** Scheme, host and base path, as messages name the endpoint. */
  readonly name: string;
  /** Sends a request. Throws `JobError` for anything but a 2xx or an expected status. */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

/** Bytes of an answer: those of Thoth's API are a few hundred, a scan's findings some megabytes. */
const longestAnswer = 16 * 1024 * 1024;

/** One analysis service: connections kept alive, no redirects, bounded answers, and no request URL in any error, since it can hold a password. */
export function createHttpEndpoint(settings: HttpSettings): HttpEndpoint {
  const { url, service, verifyTls, timeout, clock, onRequest, proxies = noProxies } = settings;
  const agents = createAgents(proxies);
  const { via, ...way } = agents.wayTo(new URL(url), "", () => ({ tls: { rejectUnauthorized: verifyTls } }));
  // The class and not its factory, whose defaults for browsers axios would merge anew for every request.
  const client = new Axios({
    adapter: "http",
    baseURL: url,
    ...way,
    maxRedirects: 0,
    maxContentLength: longestAnswer,
    maxBodyLength: Number.POSITIVE_INFINITY,
    responseType: "text",
    transformRequest: axios.defaults.transformRequest ?? [],
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
    headers: { Accept: "application/json" },
  });

  const behindProxy = (fault: string) =>
    new JobError("AnalyzerUnavailable", `${service.name} ${url} cannot be reached: ${fault}.`);

  return {
    name: url,
    async send({ method, path, query, body, headers, secrets = [], expect = [], timeout: own = timeout }, signal) {
      const startedAt = clock.now();
      const ended = (status?: number) => onRequest?.({ method, status, milliseconds: clock.now() - startedAt });
      const deadline = new AbortController();
      const cancel = clock.schedule(own, () => deadline.abort());
      const both = AbortSignal.any([signal, deadline.signal]);
      const response = await client
        .request<string>({ method, url: withQuery(path, query), data: body, ...(headers && { headers }), signal: both })
        .catch((error: unknown) => {
          ended();
          const fault = proxyFailure(error, via);
          if (fault !== undefined && !signal.aborted) throw behindProxy(fault);
          throw connectionError(deadline.signal.aborted ? "ETIMEDOUT" : (brokenOff(error) ?? codeOf(error)), url, service);
        })
        .finally(cancel);
      ended(response.status);
      const header = (name: string) => text(response.headers[name]);
      const answer = {
        status: response.status,
        body: response.data,
        retryAfter: header("retry-after"),
        location: header("location"),
      };
      const refusal = proxyRefusal(answer.status, via);
      if (refusal !== undefined) throw behindProxy(refusal);
      const failure = expect.includes(answer.status) ? undefined : answerError(answer, service, clock.now(), secrets);
      if (failure) throw failure;
      const { status, data } = response;
      const value = await readJson(data, service);
      return { status, text: data, json: () => jsonObject(value(), service), list: () => jsonList(value(), service), header };
    },
    close() {
      agents.close();
    },
  };
}

/** The URL of a service for its host or URL, without a slash at its end; a bare host means https. */
export function serviceUrl(host: string): string {
  const url = new URL(/^https?:\/\//i.test(host) ? host : `https://${host}`);
  return `${url.origin}${withoutEnd(url.pathname, "/")}`;
}

/** The way axios writes a query takes a seventh of the whole request. */
function withQuery(path: string, query: HttpRequest["query"] = {}): string {
  const known = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) known.append(name, String(value));
  return known.size === 0 ? path : `${path}?${known}`;
}

function jsonObject(value: unknown, service: Service): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw protocolError("is no JSON object", service);
}

function jsonList(value: unknown, service: Service): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw protocolError("is no JSON list", service);
}

/** What a body says as JSON. Only whoever asks for it learns that it is none. */
async function readJson(body: string, service: Service): Promise<() => unknown> {
  try {
    const value = await parseJson(body);
    return () => value;
  } catch (error) {
    const isPage = body.slice(0, 1_000).trimStart().startsWith("<");
    const what = isPage ? "is a web page, not JSON" : "is not JSON";
    return () => {
      throw protocolError(error instanceof RangeError ? error.message : what, service);
    };
  }
}

/** Axios has the same code for an answer that is too long and for one that breaks off. */
function brokenOff(error: unknown): string | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === "ERR_BAD_RESPONSE" && !String(message).includes("maxContentLength") ? "ECONNRESET" : undefined;
}

/** The code of an axios error or of its cause. The error itself is dropped because it contains the request. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return text(code) ?? codeOf(cause);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
