import type { Dispatcher } from "undici";
import type { Clock } from "../../core/clock.ts";
import { JobError } from "../../core/jobs/errors.ts";
import type { Connection } from "../access/connection.ts";
import { ApiError, errorOfAnswer } from "./api-error.ts";
import { createDeadline, type Deadline, SilenceError } from "./deadline.ts";
import { createServedPaths } from "./served-paths.ts";

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Speaks with the API server. Failures are `ApiError`s; a fired signal rejects with its reason. */
export interface Api {
  /** Milliseconds to wait for an answer. */
  readonly patience: number;
  /** Reads one JSON answer. */
  getJson(path: string, query: Query, signal: AbortSignal): Promise<unknown>;
  /** Posts an object: one the server keeps, or a question (a review) that it answers and forgets. */
  post(path: string, object: object, signal: AbortSignal): Promise<unknown>;
  /** Changes an object by a JSON merge patch. */
  patch(path: string, change: object, signal: AbortSignal): Promise<unknown>;
  /**
   * Opens a stream once the answer's headers are there. Reading fails after `silence` milliseconds without a byte, counted only while
   * somebody waits for one; the caller ends the stream. One that is `steady` comes without pauses, and also fails when single bytes drip.
   */
  open(path: string, query: Query, silence: number, signal: AbortSignal, steady?: boolean): Promise<ByteStream>;
}

interface ByteStream {
  readonly chunks: AsyncIterable<Buffer>;
  /** Closes the connection if the stream has not ended. */
  end(): void;
}

export interface ApiSettings {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Milliseconds to wait for an answer, authentication and connecting included. */
  readonly requestTimeout: number;
}

type Ask = (signal: AbortSignal) => Promise<Dispatcher.ResponseData>;

/** The part of an error message that says that a certificate is not trusted. */
export const untrusted = "has a certificate that is not trusted";

/** The most bytes that are read of an error answer, and of any other answer but a list. */
const errorBodyLimit = 65_536;
const answerLimit = 16 * 1024 * 1024;
/** Bytes per second below which an answer only keeps a connection open. */
const slowest = 1_024;

export function createApi({ connection, clock, requestTimeout }: ApiSettings): Api {
  const served = createServedPaths(clock);

  async function open(ask: Ask, path: string, silence: number, steady: boolean, signal: AbortSignal): Promise<ByteStream> {
    const deadline = createDeadline(clock, signal);
    try {
      const { statusCode, headers, body } = await deadline.expect(ask(deadline.signal), requestTimeout);
      body.on("error", () => {});
      if (statusCode >= 200 && statusCode < 300) {
        served.note(path);
        return { chunks: readChunks(body, deadline, silence, steady), end: deadline.end };
      }
      const retryAfter = headers["retry-after"];
      const text = await readText(readChunks(body, deadline, requestTimeout, true), errorBodyLimit);
      const error = errorOfAnswer(statusCode, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, text, clock.now());
      const servedBefore = served.isBriefRefusal(path, error.fault);
      throw servedBefore ? new ApiError(error.fault, error.message, { ...error, servedBefore }) : error;
    } catch (error) {
      deadline.end();
      throw signal.aborted ? signal.reason : asApiError(error, connection.server);
    }
  }

  async function* readChunks(
    body: AsyncIterable<Buffer>,
    deadline: Deadline,
    silence: number,
    steady: boolean,
  ): AsyncGenerator<Buffer> {
    const reader = body[Symbol.asyncIterator]();
    let [waited, length] = [0, 0];
    try {
      while (true) {
        const since = clock.now();
        const next = await deadline.expect(Promise.resolve(reader.next()), silence);
        if (next.done) return;
        waited += clock.now() - since;
        length += next.value.length;
        if (steady && waited > silence && length / (waited / 1000) < slowest)
          throw new SilenceError(`as good as silent for ${Math.round(silence / 1000)} s`);
        yield next.value;
      }
    } catch (error) {
      throw asApiError(error, connection.server);
    }
  }

  async function readJson(ask: Ask, path: string, signal: AbortSignal): Promise<unknown> {
    const stream = await open(ask, path, requestTimeout, true, signal);
    try {
      return parseJson(await readText(stream.chunks, answerLimit), path);
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      stream.end();
    }
  }

  return {
    patience: requestTimeout,
    open: (path, query, silence, signal, steady = false) =>
      open((its) => connection.get(withQuery(path, query), its), path, silence, steady, signal),
    getJson: (path, query, signal) => readJson((its) => connection.get(withQuery(path, query), its), path, signal),
    post: (path, object, signal) => readJson((its) => connection.post(path, object, its), path, signal),
    patch: (path, change, signal) => readJson((its) => connection.patch(path, change, its), path, signal),
  };
}

async function readText(chunks: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= limit) break;
  }
  return Buffer.concat(parts).toString("utf8");
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("BadData", `The answer to ${path} is no JSON`);
  }
}

function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

/** A network error as an `ApiError` that says what to check. Errors about credentials stay, because their message already says it. */
function asApiError(error: unknown, server: string): Error {
  if (error instanceof ApiError || error instanceof JobError) return error;
  const cause = rootCause(error);
  const code = typeof cause.code === "string" ? cause.code : cause.message;
  const fault = error instanceof SilenceError ? "Silent" : "Unreachable";
  return new ApiError(fault, `The OpenShift API at ${server} ${adviceFor(error, code)}`, { cause: error });
}

function adviceFor(error: unknown, code: string): string {
  if (error instanceof SilenceError)
    return `was ${error.message}: check that it runs and that nothing between holds connections up`;
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code)) {
    return `${untrusted} (${code}): put its CA into the kubeconfig (oc login --certificate-authority=…), or set KUBERNETES_VERIFY_TLS=0`;
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(code)) return `has an unknown host name (${code}): check the kubeconfig or KUBERNETES_API_URL`;
  if (/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT/.test(code)) {
    return `cannot be reached (${code}): check that it runs, and the kubeconfig or KUBERNETES_API_URL`;
  }
  return `broke the connection off (${code})`;
}

function rootCause(error: unknown): { code?: unknown; message: string } {
  let cause = error as { code?: unknown; message: string; cause?: unknown; errors?: readonly unknown[] };
  for (let depth = 0; depth < 5; depth++) {
    const deeper = cause?.cause ?? cause?.errors?.[0];
    if (typeof deeper !== "object" || deeper === null) break;
    cause = deeper as typeof cause;
  }
  return typeof cause === "object" && cause !== null ? cause : { message: String(error) };
}
