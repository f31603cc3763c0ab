import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";

/** Answers a request on a bare connection, as no HTTP server would. */
export type Trick = (socket: Socket) => void;

export interface BadPeer extends AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** Resolves when every connection on which a trick was played is closed. */
  allLeft(): Promise<void>;
}

/**
 * A server that plays a trick on the requests whose path fits, and answers others with `answer`, or with 404. What is no HTTP, such as a TLS handshake,
 * gets no answer and no connection.
 */
export async function startBadPeer(
  trickOf: (path: string) => Trick | undefined,
  answer: (path: string, host: string) => string | undefined = () => undefined,
): Promise<BadPeer> {
  const all = new Set<Socket>();
  const tricked = new Set<Promise<void>>();
  const server = createServer((socket) => {
    all.add(socket);
    const left = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    let head = "";
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      if (!/^[A-Z]/.test(head)) return void socket.destroy();
      if (!head.includes("\r\n\r\n")) return;
      const path = head.split(" ")[1] ?? "";
      head = "";
      const trick = trickOf(path);
      if (trick) tricked.add(left);
      if (trick) trick(socket);
      else socket.write(answer(path, host) ?? "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    allLeft: async () => void (await Promise.all(tricked)),
    async [Symbol.asyncDispose]() {
      for (const socket of all) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const often = 10;

/** Writes the same again and again, until nobody listens. */
function drip(socket: Socket, first: string, more: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(more), often);
  socket.once("close", () => clearInterval(timer));
}

const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));

/** Answers that never come to their end, or are none. */
export const tricks: Readonly<Record<string, Trick>> = {
  "a status line byte by byte": (socket) => drip(socket, "HTTP/1.1 200 O", "O"),
  "headers byte by byte": (socket) => drip(socket, `${ok}X-Long: `, "x"),
  "a body byte by byte": (socket) => drip(socket, `${ok}Content-Length: 100000\r\n\r\n{`, " "),
  "chunks without end": (socket) => drip(socket, `${ok}Transfer-Encoding: chunked\r\n\r\n`, "1\r\n \r\n"),
  "informational answers without end": (socket) => drip(socket, "", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"),
  "a body that comes whole, on a connection that stays open": (socket) => void socket.write(`${ok}\r\n{}`),
  "a redirect whose body never comes": (socket) =>
    void socket.write("HTTP/1.1 302 Found\r\nLocation: /nowhere\r\nContent-Length: 100\r\n\r\n"),
  "a body shorter than its length": (socket) => void socket.end(`${ok}Content-Length: 1000\r\n\r\n{}`),
  "a body longer than its length": (socket) => void socket.write(`${ok}Content-Length: 2\r\n\r\n{}${"x".repeat(500_000)}`),
  "thousands of headers": (socket) => void socket.write(`${ok}${"X-Many: 1\r\n".repeat(5_000)}\r\n{}`),
  "a body that unpacks to far too much": (socket) => {
    socket.write(`${ok}Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`);
    socket.end(bomb);
  },
  "a body that is not packed as it says": (socket) =>
    void socket.end(`${ok}Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}`),
};

/** An error whose words never come to their end. */
export const drippingError: Trick = (socket) => drip(socket, "HTTP/1.1 500 Error\r\nContent-Length: 60000\r\n\r\n{", " ");
