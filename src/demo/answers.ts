import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export type Headers = Readonly<Record<string, string>>;

/** Answers with JSON (an object) or plain text (a string). */
export function send(response: ServerResponse, status: number, body: object | string, headers: Headers = {}): void {
  const text = typeof body === "string" ? body : `${JSON.stringify(body)}\n`;
  const contentType = typeof body === "string" ? "text/plain; charset=utf-8" : "application/json";
  response.writeHead(status, { "content-type": contentType, ...headers });
  response.end(text);
}

/** Ends the connection with a TCP reset at once. */
export function resetConnection(response: ServerResponse): void {
  const socket = response.socket as (Socket & { readonly _parent?: Socket }) | null;
  // A TLS socket cannot be reset itself: the TCP socket under it can.
  const tcp = socket?._parent ?? socket;
  tcp?.resetAndDestroy();
}

/** Announces an answer, sends the beginning of it, and never the rest. */
export function hangInBody(response: ServerResponse, beginning: string): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.write(beginning);
}

/** Path and query of a request; a path that is none is `/`. */
export function readTarget(request: IncomingMessage): {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
} {
  const url = URL.parse(`http://server${request.url}`);
  return { path: url?.pathname ?? "/", query: Object.fromEntries(url?.searchParams ?? []) };
}

/** The whole body as text; throws a `RangeError` beyond the maximum (bytes). */
export async function readBody(request: IncomingMessage, maximum = 64 * 1024 * 1024): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximum) throw new RangeError(`The request body exceeds ${maximum} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
