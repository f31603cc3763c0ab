import { createServer, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface ProxyOptions {
  /** Where a tunnel or request to a host leads, as `127.0.0.1:port`; default: to the host itself. */
  readonly leadsTo?: (host: string) => string;
  /** Answers a CONNECT or a request in the proxy's place with this status; 0: never. */
  readonly refuses?: number;
}

/** A proxy for HTTP and, by CONNECT, for everything else. */
export interface ProxyServer extends AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** `CONNECT host:port` or `GET http://…` of every request so far, with the login it came with. */
  readonly asked: readonly { readonly request: string; readonly login: string | undefined }[];
}

export async function startProxy({ leadsTo = (host) => host, refuses }: ProxyOptions = {}): Promise<ProxyServer> {
  const asked: { request: string; login: string | undefined }[] = [];
  const open = new Set<Socket>();
  const note = (what: string, header: string | undefined) => {
    const login = header && Buffer.from(header.replace(/^Basic /, ""), "base64").toString();
    asked.push({ request: what, login });
  };
  const server = createServer((incoming, response) => {
    note(`${incoming.method} ${incoming.url}`, incoming.headers["proxy-authorization"]);
    if (refuses !== undefined) return void (refuses > 0 && response.writeHead(refuses).end());
    const target = new URL(incoming.url ?? "");
    const [hostname, port] = leadsTo(target.host).split(":");
    const path = `${target.pathname}${target.search}`;
    const outgoing = request({ hostname, port, path, method: incoming.method, headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on("connection", (socket) => {
    open.add(socket);
    socket.on("error", () => {});
  });
  server.on("connect", (incoming, socket: Socket) => {
    note(`CONNECT ${incoming.url}`, incoming.headers["proxy-authorization"]);
    if (refuses !== undefined) return void (refuses > 0 && socket.end(`HTTP/1.1 ${refuses} Refused\r\n\r\n`));
    const [hostname = "", port] = leadsTo(incoming.url ?? "").split(":");
    const outgoing = connect(Number(port), hostname, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    open.add(outgoing);
    outgoing.on("error", () => socket.destroy());
    outgoing.pipe(socket);
    socket.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
