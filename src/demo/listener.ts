import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** PEM texts. With `ca`, clients are asked for a certificate of that authority. */
export interface TlsOptions {
  readonly key: string;
  readonly cert: string;
  readonly ca?: string;
}

/** An HTTP server on the loopback interface. */
export interface Listener {
  /** `http(s)://127.0.0.1:<port>`; throws before `listen()`. */
  readonly url: string;
  /** TCP connections accepted so far. */
  readonly connections: number;
  /** Port 0 means any free one. */
  listen(port?: number): Promise<void>;
  /** Destroys what is open; may be called twice. */
  close(): Promise<void>;
}

/**
 * A server that keeps idle connections for ever without announcing it, like Go's: a `Keep-Alive` header would hide faults of clients
 * that reuse connections.
 */
export function createListener(handle: RequestListener, tls: TlsOptions | undefined, onConnection: () => void): Listener {
  const server = tls
    ? createTlsServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: false }, handle)
    : createServer(handle);
  server.keepAliveTimeout = 0;
  const open = new Set<Socket>();
  let connections = 0;
  let url = "";
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    connections += 1;
    onConnection();
  });

  return {
    get url() {
      if (!url) throw new Error("The server has no URL before listen()");
      return url;
    },
    get connections() {
      return connections;
    },
    async listen(port = 0) {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", () => {
          server.off("error", reject);
          resolve();
        });
      });
      url = `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    async close() {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
