import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { digestOf, type MadeImage } from "./registry-images.ts";
import type { TestCertificates } from "./registry-server.ts";

/** Deals with a request in the registry's place and answers true, or leaves it to the registry. */
export type Oddity = (request: IncomingMessage, response: ServerResponse, url: string) => boolean;

export interface OddRegistryOptions {
  readonly tls?: TestCertificates;
  /** What it does otherwise than a registry; it can be changed at any time. */
  readonly oddity?: Oddity;
}

/** A small registry in memory that only lets read, and misbehaves as a test wants it: for what no real registry does. */
export interface OddRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly url: string;
  /** `METHOD /path` of every request so far. */
  readonly asked: readonly string[];
  /** The Authorization headers of every request so far, none left out. */
  readonly logins: readonly (string | undefined)[];
  oddity: Oddity;
  /** Puts an image there and answers its name by digest. */
  put(repository: string, image: MadeImage, tag?: string): string;
}

export async function startOddRegistry({ tls, oddity = () => false }: OddRegistryOptions = {}): Promise<OddRegistry> {
  const manifests = new Map<string, MadeImage>();
  const blobs = new Map<string, Buffer>();
  const asked: string[] = [];
  const logins: (string | undefined)[] = [];
  const listener: RequestListener = (request, response) => {
    const url = request.url ?? "";
    asked.push(`${request.method} ${url}`);
    logins.push(request.headers.authorization);
    request.on("error", () => {});
    response.on("error", () => {});
    if (!registry.oddity(request, response, url)) answer(request, response, url, manifests, blobs);
  };
  const server: Server = tls
    ? createTlsServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }, listener)
    : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registry: OddRegistry = {
    host,
    url: `${tls ? "https" : "http"}://${host}`,
    asked,
    logins,
    oddity,
    put(repository, image, tag) {
      for (const child of image.children) this.put(repository, child);
      for (const blob of image.blobs) blobs.set(digestOf(blob), blob);
      manifests.set(`${repository}/manifests/${image.digest}`, image);
      if (tag) manifests.set(`${repository}/manifests/${tag}`, image);
      return `${host}/${repository}@${image.digest}`;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return registry;
}

function answer(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  url: string,
  manifests: ReadonlyMap<string, MadeImage>,
  blobs: ReadonlyMap<string, Buffer>,
): void {
  const path = url.replace(/^\/v2\//, "");
  if (url === "/v2/") return void response.end("{}");
  if (method !== "GET" && method !== "HEAD") return void response.writeHead(405).end();
  const image = manifests.get(path);
  const blob = image?.manifest ?? blobs.get(path.replace(/^.*\/blobs\//, ""));
  if (!blob) return void response.writeHead(404, { "Content-Type": "application/json" }).end(method === "HEAD" ? "" : "{}");
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
  response.writeHead(start > 0 ? 206 : 200, {
    "Content-Type": image?.mediaType ?? "application/octet-stream",
    "Content-Length": blob.length - start,
    "Docker-Content-Digest": digestOf(blob),
    ...(start > 0 && { "Content-Range": `bytes ${start}-${blob.length - 1}/${blob.length}` }),
  });
  response.end(method === "HEAD" ? undefined : blob.subarray(start));
}

/** An oddity: requests of this method and path get this answer. */
export function replies(
  method: string,
  path: RegExp,
  status: number,
  body: string | Buffer = "",
  headers: Readonly<Record<string, string>> = {},
): Oddity {
  return (request, response, url) => {
    if (request.method !== method || !path.test(url)) return false;
    response.writeHead(status, headers).end(method === "HEAD" ? undefined : body);
    return true;
  };
}

/** The first of several oddities that deals with a request. */
export function eitherOf(...oddities: readonly Oddity[]): Oddity {
  return (...request) => oddities.some((oddity) => oddity(...request));
}
