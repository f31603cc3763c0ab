import { createHash } from "node:crypto";
import { type IncomingMessage, request as requestByHttp } from "node:http";
import { request as requestByHttps } from "node:https";
import type { Readable } from "node:stream";
import { createSecureContext } from "node:tls";
import { brotliDecompressSync, unzipSync } from "node:zlib";
import { addressKind } from "../../core/hosts/addresses.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { type Agents, proxyRefusal, type Way } from "../../network/agents.ts";
import { trustedAuthorities } from "../trust/authorities.ts";
import type { HostTrust } from "../trust/host-trust.ts";
import { untrusted } from "../trust/verdict.ts";
import { connectionFailure } from "./http-failures.ts";

/** One request, without its address. */
export interface HttpInit {
  readonly method: "HEAD" | "GET" | "PUT" | "POST" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly data?: Buffer | string;
}

/** An answer of which only the head was read; its body must be read or destroyed. */
export interface HeadAnswer {
  readonly status: number;
  readonly body: Readable;
  /** Where it came from, redirects followed. */
  readonly url: URL;
  /** Whether it came from a public address, or redirects led over one. */
  readonly isPublic: boolean;
  header(name: string): string | undefined;
  /** Each header of this name by itself. */
  headers(name: string): readonly string[];
}

/** An answer read to its end. */
export interface BodyAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly url: URL;
  readonly isPublic: boolean;
  header(name: string): string | undefined;
}

/** Which certificates a connection trusts. */
export interface TlsTrust {
  readonly verifyTls: boolean;
  /** CA certificates trusted in addition to the system's, as PEM. */
  readonly certificates: string;
}

export interface Exchange {
  /**
   * Sends a request. GET and HEAD follow redirects, never from https to http, never from a public address to a private one, and with the login to the
   * same host only. Throws a `RegistryVerdict` for an address that is refused, else `JobError`, or `NoAnswer`.
   */
  send(url: URL, init: HttpInit, tls: TlsTrust, publicOnly: boolean, signal: AbortSignal): Promise<HeadAnswer>;
}

const mostRedirects = 5;
const mostHints = 20;
const redirects: readonly number[] = [301, 302, 303, 307, 308];

export function createExchange(agents: Agents, trust: HostTrust): Exchange {
  return {
    async send(url, init, tls, publicOnly, signal) {
      let hop = { url, init, publicOnly };
      for (let count = 0; ; count++) {
        const answer = await sendOnce(hop.url, hop.init, tls, hop.publicOnly, signal);
        const location = redirects.includes(answer.status) ? answer.header("location") : undefined;
        if (location === undefined || !(init.method === "GET" || init.method === "HEAD")) return answer;
        discard(answer);
        if (count === mostRedirects) throw new JobError("CopyFailed", `${url.host} redirects without end`);
        hop = followed(hop.url, location, hop.init, answer.isPublic);
      }
    },
  };

  async function sendOnce(
    url: URL,
    init: HttpInit,
    tls: TlsTrust,
    publicOnly: boolean,
    signal: AbortSignal,
  ): Promise<HeadAnswer> {
    trust.judge(url, publicOnly);
    const way = agents.wayTo(url, keyOf(tls, publicOnly), () => ({ tls: tlsOptions(tls), lookup: trust.lookup(publicOnly) }));
    // A proxy looks the host up itself, so it cannot be checked here.
    if (way.via !== undefined) await trust.resolve(url, publicOnly);
    const response = await request(url, init, way, signal);
    const status = response.statusCode ?? 0;
    const refusal = proxyRefusal(status, way.via);
    if (refusal !== undefined) throw new JobError("ProxyRefused", `${init.method} ${url.host}${url.pathname}: ${refusal}`);
    const peer = way.via === undefined ? response.socket.remoteAddress : undefined;
    return {
      status,
      body: response,
      url,
      isPublic: publicOnly || (peer !== undefined && addressKind(peer) === "public"),
      header: (name) => text(response.headers[name]),
      headers: (name) => response.headersDistinct[name] ?? [],
    };
  }
}

/** Where a redirect leads. Throws a `RegistryVerdict` where it must not be followed. */
function followed(from: URL, location: string, { method, headers }: HttpInit, isPublic: boolean) {
  if (!URL.canParse(location, from.href))
    throw new JobError("CopyFailed", `${from.host} redirects to something that is not an address`);
  const url = new URL(location, from);
  if (!/^https?:$/.test(url.protocol))
    throw untrusted(`${from.host} redirects to an address that begins with ${url.protocol}`, from.host);
  if (from.protocol === "https:" && url.protocol === "http:") {
    throw untrusted(`${from.host} redirects from https to http (${url.host}), where anybody can read the traffic`, from.host);
  }
  const { Authorization: _, ...bare } = headers;
  return {
    url,
    init: { method, headers: url.host === from.host ? headers : bare },
    publicOnly: isPublic && url.host !== from.host,
  };
}

/** Node's own request, because a copy waits for several of them and a library would only add time. */
async function request(url: URL, init: HttpInit, way: Way, signal: AbortSignal): Promise<IncomingMessage> {
  const isSecure = url.protocol === "https:";
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  try {
    const headers = { "Accept-Encoding": "identity", ...init.headers };
    const options = { method: init.method, headers, agent: isSecure ? way.httpsAgent : way.httpAgent, signal };
    const outgoing = (isSecure ? requestByHttps : requestByHttp)(url, options, resolve);
    outgoing.on("error", reject);
    let hints = 0;
    // Answers before the answer (RFC 9110, 15.2), of which a server can send any number.
    outgoing.on("information", () => ++hints > mostHints && outgoing.destroy(new Error("no end of informational answers")));
    outgoing.end(init.data);
    return await promise;
  } catch (error) {
    signal.throwIfAborted();
    throw new NoAnswer(error as NodeJS.ErrnoException, url.host, way.via);
  }
}

/** There was no answer. */
export class NoAnswer extends Error {
  override readonly cause: NodeJS.ErrnoException | undefined;
  readonly host: string;
  readonly via: string | undefined;

  constructor(cause: NodeJS.ErrnoException | undefined, host: string, via: string | undefined) {
    super(`no answer from ${host}`);
    this.cause = cause;
    this.host = host;
    this.via = via;
  }
}

/** A missing answer as the job's error. */
export function asJobFailure(error: unknown, what: string): unknown {
  return error instanceof NoAnswer && error.cause ? connectionFailure(error.cause, what, error) : error;
}

/** Milliseconds for the rest of an unused body. What is as short as that is there already, as a rule. */
const restTime = 2_000;

/** Drops an unused body. A short one is read, so that its connection can be used again, but is not waited for. */
export function discard({ body, header }: HeadAnswer): void {
  body.on("error", () => {});
  if (!(Number(header("content-length") ?? Number.POSITIVE_INFINITY) <= longestError)) return void body.destroy();
  const timer = setTimeout(() => body.destroy(), restTime).unref();
  body.once("close", () => clearTimeout(timer)).resume();
}

/** How many bytes of an error answer are read. */
const longestError = 64 * 1024;

/** Reads a body to its end. Throws `JobError` if it is longer than `limit` bytes. Only the beginning of an error is read. */
export async function readBody(answer: HeadAnswer, limit: number, what: string): Promise<BodyAnswer> {
  const { status, isPublic, url, header } = answer;
  const most = status < 300 ? limit : longestError;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of unbroken(answer.body, what)) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length <= most) continue;
    if (status >= 300) break;
    throw new JobError("CopyFailed", `${what}: the answer is longer than ${limit} bytes`);
  }
  const sent = Buffer.concat(chunks).subarray(0, most);
  const encoding = header("content-encoding");
  const body = unpacked(sent, encoding, most);
  if (body) return { status, isPublic, url, header, body };
  // The words of an error are not needed, its status is.
  if (status >= 300) return { status, isPublic, url, header, body: Buffer.alloc(0) };
  throw new JobError("CopyFailed", `${what}: the answer cannot be unpacked (${encoding})`);
}

/** A connection that breaks in the middle is the registry's fault, not the bot's. */
async function* unbroken(body: Readable, what: string): AsyncGenerator<unknown> {
  try {
    yield* body;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The deadline breaks it off itself.
    if (code === "ABORT_ERR") throw error;
    throw new JobError("RegistryUnavailable", `${what}: the connection broke in the middle of the answer (${code ?? "no code"})`);
  }
}

/** Some proxies compress answers without being asked. Undefined if that cannot be undone. */
function unpacked(body: Buffer, encoding: string | undefined, limit: number): Buffer | undefined {
  const unpack = unpackers.get(encoding?.trim().toLowerCase() ?? "");
  if (!unpack || body.length === 0) return body;
  try {
    return unpack(body, { maxOutputLength: limit });
  } catch {
    return undefined;
  }
}

const unpackers: ReadonlyMap<string, typeof unzipSync> = new Map([
  ["gzip", unzipSync],
  ["x-gzip", unzipSync],
  ["deflate", unzipSync],
  ["br", brotliDecompressSync],
]);

function keyOf({ verifyTls, certificates }: TlsTrust, publicOnly: boolean): string {
  return `${verifyTls} ${publicOnly} ${createHash("sha256").update(certificates).digest("hex")}`;
}

function tlsOptions({ verifyTls, certificates }: TlsTrust) {
  if (!verifyTls) return { rejectUnauthorized: false };
  const ca = trustedAuthorities(certificates);
  // Read once: hundreds of certificates take 20 ms and a megabyte, which every connection would need again.
  return { ca, secureContext: createSecureContext({ ca }) };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
