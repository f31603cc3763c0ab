import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import axios from "axios";
import type { Clock } from "../core/clock.ts";
import { answerError, connectionError, protocolError } from "./answers.ts";

export interface HttpSettings {
  /** Host or URL of the endpoint; a bare host means https. */
  readonly host: string;
  readonly verifyTls: boolean;
  /** Milliseconds one request may take, the whole of its answer included. */
  readonly timeout: number;
  readonly clock: Clock;
  /** Told of every request that ended; without a status when there was no answer. */
  readonly onRequest?: (request: EndedRequest) => void;
}

export interface EndedRequest {
  readonly method: string;
  readonly status: number | undefined;
  readonly milliseconds: number;
}

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | boolean | undefined>>;
  readonly body?: unknown;
  /** Texts that must not appear in an error, should the other side repeat them. */
  readonly secrets?: readonly string[];
  /** Statuses that are an answer like a 2xx, not an error. */
  readonly expect?: readonly number[];
}

export interface HttpAnswer {
  readonly status: number;
  /** The body as a JSON object; throws `JobError("AnalyzerProtocol")` when it is none. */
  readonly json: () => Readonly<Record<string, unknown>>;
  readonly header: (name: string) => string | undefined;
}

export interface HttpEndpoint {
  /** Scheme, host and base path, as messages name the endpoint. */
  readonly name: string;
  /** Sends a request; throws `JobError` for anything but a 2xx or what is expected. */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

/** An answer of this API is a few hundred bytes. */
const longestAnswer = 1024 * 1024;

/** One analysis endpoint: connections kept alive, no redirects, bounded answers, and no request URL in any error, since it can hold a password. */
export function createHttpEndpoint({ host, verifyTls, timeout, clock, onRequest }: HttpSettings): HttpEndpoint {
  const base = endpointUrl(host);
  const httpAgent = new HttpAgent({ keepAlive: true });
  const httpsAgent = new HttpsAgent({ keepAlive: true, rejectUnauthorized: verifyTls });
  const client = axios.create({
    baseURL: base,
    httpAgent,
    httpsAgent,
    maxRedirects: 0,
    maxContentLength: longestAnswer,
    maxBodyLength: Number.POSITIVE_INFINITY,
    responseType: "text",
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
    headers: { Accept: "application/json" },
  });

  return {
    name: base,
    async send({ method, path, query, body, secrets = [], expect = [] }, signal) {
      const startedAt = clock.now();
      const ended = (status?: number) => onRequest?.({ method, status, milliseconds: clock.now() - startedAt });
      const deadline = new AbortController();
      const cancel = clock.schedule(timeout, () => deadline.abort());
      const response = await client
        .request<string>({ method, url: path, params: query, data: body, signal: AbortSignal.any([signal, deadline.signal]) })
        .catch((error: unknown) => {
          ended();
          throw connectionError(deadline.signal.aborted ? "ETIMEDOUT" : codeOf(error), base);
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
      const failure = expect.includes(answer.status) ? undefined : answerError(answer, clock.now(), secrets);
      if (failure) throw failure;
      return { status: response.status, json: () => jsonObject(response.data), header };
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

/** The API's base URL for a host or URL: `https://host/api/v1`. */
export function endpointUrl(host: string): string {
  const url = new URL(/^https?:\/\//i.test(host) ? host : `https://${host}`);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/api\/v1$/, "");
  return `${url.origin}${path}/api/v1`;
}

function jsonObject(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    throw protocolError("is no JSON");
  }
  throw protocolError("is no JSON object");
}

/** The code of an axios error or of what lies under it; the error itself is dropped, since it carries the request. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return text(code) ?? codeOf(cause);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
