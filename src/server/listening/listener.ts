import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type PortSetting, ServerError } from "../server-error.ts";
import { createConnectionLimit } from "./connection-limit.ts";
import { createLine } from "./line.ts";

/** Where a server listens. */
export interface Address {
  /** Undefined: every address of the machine. */
  readonly host: string | undefined;
  /** 0: any free one. */
  readonly port: number;
}

/** Disposing of it ends open connections, too. */
export interface Listener extends AsyncDisposable {
  /** Where it is reached from this machine. */
  readonly url: string;
}

/** Serves HTTP at an address. Throws a `ServerError` that names the settings when it cannot listen. */
export async function openListener(routes: RequestListener, { host, port }: Address, setting: PortSetting): Promise<Listener> {
  const server = limited(createServer({ connectionsCheckingInterval: 1_000 }, inLine(routes)));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new ServerError(error, port, host, setting)));
    server.listen(port, host, resolve);
  });
  return {
    url: urlOf(server.address() as AddressInfo),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Many requests that come at once are answered a few at a time. Whoever has left meanwhile is not answered any more. */
function inLine(routes: RequestListener): RequestListener {
  const line = createLine();
  return (request, response) =>
    line.add(() => {
      if (!request.socket.destroyed) routes(request, response);
    });
}

/**
 * Requests are small and quick; slow ones lose their connection. Node looks for those at an interval, by default every 30 seconds. Streams
 * send something before they are idle for that long.
 */
function limited(server: Server): Server {
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 5_000;
  server.timeout = 30_000;
  server.maxHeadersCount = 100;
  server.on("connection", createConnectionLimit(mostConnections, mostOfPeer));
  return server;
}

const mostConnections = 1_000;
/** A router or a login proxy brings many people by one address. */
const mostOfPeer = 400;

function urlOf({ address, family, port }: AddressInfo): string {
  const everywhere = address === "::" || address === "0.0.0.0";
  return `http://${everywhere ? "127.0.0.1" : family === "IPv6" ? `[${address}]` : address}:${port}`;
}
