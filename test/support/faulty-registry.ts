import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { RegistryServer } from "./registry-server.ts";

/** Deals with a request in the registry's place and answers true, or leaves it to the registry. */
export type Fault = (request: IncomingMessage, response: ServerResponse, url: string) => boolean;

export interface FaultyRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** Resolves when a request was dealt with by the fault. */
  readonly struck: Promise<void>;
  close(): Promise<void>;
}

/** A real registry behind a server that misbehaves. */
export async function startFaultyRegistry(registry: RegistryServer, fault: Fault): Promise<FaultyRegistry> {
  const { promise: struck, resolve: strike } = Promise.withResolvers<void>();
  const server = createServer((incoming, response) => {
    response.on("error", () => {});
    incoming.on("error", () => {});
    if (fault(incoming, response, incoming.url ?? "")) strike();
    else forward(registry.url, incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    struck,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The registry sees the host that was asked, so that the addresses it answers lead back here. */
function forward(upstream: string, incoming: IncomingMessage, response: ServerResponse): void {
  const outgoing = request(`${upstream}${incoming.url}`, { method: incoming.method, headers: incoming.headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on("error", () => response.destroy());
  incoming.pipe(outgoing);
}

/** A fault: requests of this method and path get this answer. */
export function answers(
  method: string,
  path: RegExp,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Fault {
  return (incoming, response, url) => {
    if (incoming.method !== method || !path.test(url)) return false;
    const reply = () =>
      response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(method === "HEAD" ? undefined : body);
    // A client that is answered while it still sends can take that for a broken connection.
    incoming.resume().once("end", reply);
    return true;
  };
}

/** An error body as registries write it. */
export function errorBody(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] });
}
