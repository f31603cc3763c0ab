import { createServer, type RequestListener, type Server, STATUS_CODES } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type PortSetting, ServerError } from "../server-error.ts";
import { createConnectionLimit } from "./connection-limit.ts";
import { createLine, type Line } from "./line.ts";

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
  const line = createLine();
  const server = limited(createServer({ connectionsCheckingInterval: 1_000 }, inLine(line, routes)));
  server.on("clientError", (error, socket) => line.add(() => refuse(error, socket)));
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

/**
 * Many requests that come at once are answered a few at a time. Whoever has left meanwhile is not answered any more, and whoever sends many without
 * waiting for an answer loses the connection: all others would wait behind them.
 */
function inLine(line: Line, routes: RequestListener): RequestListener {
  const unanswered = new WeakMap<Socket, number>();
  const count = (socket: Socket, change: number) => {
    const now = (unanswered.get(socket) ?? 0) + change;
    unanswered.set(socket, now);
    return now;
  };
  return (request, response) => {
    const { socket } = request;
    if (count(socket, 1) > mostUnanswered) return void socket.destroy();
    response.once("close", () => count(socket, -1));
    line.add(() => {
      if (!socket.destroyed) routes(request, response);
    });
  };
}

/** Of one connection; browsers and programs send one. */
const mostUnanswered = 20;

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

/**
 * Answers what is no request, or only half of one, and ends its connection. Node would do the same, but for all of them at once, with a stack
 * trace for each. An answer that has begun is not disturbed.
 */
function refuse({ code = "" }: NodeJS.ErrnoException, socket: Duplex): void {
  const status = statusOf[code] ?? 400;
  const isFirst = socket instanceof Socket && socket.bytesWritten === 0;
  if (isFirst && socket.writable && !socket.readableEnded)
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
  socket.destroy();
}

/** Of errors of Node's HTTP parser and timers; 400 is that of all others. */
const statusOf: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

const mostConnections = 1_000;
/** A router or a login proxy brings many people by one address. */
const mostOfPeer = 400;

function urlOf({ address, family, port }: AddressInfo): string {
  const everywhere = address === "::" || address === "0.0.0.0";
  return `http://${everywhere ? "127.0.0.1" : family === "IPv6" ? `[${address}]` : address}:${port}`;
}
