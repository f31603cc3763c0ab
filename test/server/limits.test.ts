import { EventEmitter, once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { createConnectionLimit } from "../../src/server/listening/connection-limit.ts";
import { openPageServer, type PageServer, type PageServerOptions } from "../support/page-server.ts";
import { job } from "./records.ts";

async function serve(options: PageServerOptions = {}): Promise<PageServer> {
  const server = await openPageServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** A connection from one of this machine's addresses, on which a text was sent. */
async function open(url: string, sent: string, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), localAddress });
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  socket.write(sent);
  return socket;
}

async function ask(url: string, lines: readonly string[], localAddress?: string): Promise<string> {
  const socket = await open(url, `${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`, localAddress);
  return text(socket);
}

function fakeSocket(remoteAddress: string) {
  return Object.assign(new EventEmitter(), {
    remoteAddress,
    isOpen: true,
    destroy(this: EventEmitter & { isOpen: boolean }) {
      this.isOpen = false;
      this.emit("close");
    },
  });
}

describe("connections", () => {
  it("are closed for the address that has most of them, the oldest first", () => {
    const admit = createConnectionLimit(10, 6);
    const arrive = (address: string) => {
      const socket = fakeSocket(address);
      admit(socket as unknown as Socket);
      return socket;
    };
    const flood = Array.from({ length: 20 }, () => arrive("10.0.0.1"));
    expect(flood.filter(({ isOpen }) => isOpen)).toEqual(flood.slice(-6));
    const others = ["a", "b", "c", "d", "e", "f"].map(arrive);
    expect(others.every(({ isOpen }) => isOpen)).toBe(true);
    expect(flood.filter(({ isOpen }) => isOpen)).toEqual(flood.slice(-4));
    others[0]?.destroy();
    expect(arrive("10.0.0.2").isOpen).toBe(true);
    expect(flood.filter(({ isOpen }) => isOpen)).toHaveLength(4);
  });

  it("of one address do not block probes and pages for others", async () => {
    const { url } = await serve();
    await Promise.all(
      Array.from({ length: 450 }, () => open(url, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n", "127.0.0.2")),
    );
    expect(await ask(url, ["GET /livez HTTP/1.1", "Host: localhost"])).toMatch(/^HTTP\/1.1 200/);
    const page = await open(url, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n", "127.0.0.3");
    expect(String((await once(page, "data"))[0])).toMatch(/^HTTP\/1.1 200/);
  });

  it.each([
    ["header", "GET / HTTP/1.1\r\nHost: local"],
    [
      "body",
      "POST /jobs/x/retry HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nx",
    ],
  ])("with half a %s do not live long", { timeout: 60_000 }, async (_half, sent) => {
    const { url } = await serve();
    const start = performance.now();
    const socket = await open(url, sent);
    socket.resume();
    await once(socket, "close");
    // Without looks of our own Node would end it after half a minute.
    expect(performance.now() - start).toBeLessThan(25_000);
  });
});

describe("odd hosts", () => {
  it.each(["/livez", "/readyz", "/", "/api/jobs", "/events"])("learn nothing from %s", async (path) => {
    const { url } = await serve();
    expect(await ask(url, [`GET ${path} HTTP/1.1`, "Host: evil.example"])).toMatch(/^HTTP\/1.1 421/);
    expect(await ask(url, [`GET ${path} HTTP/1.1`, "Host: localhost", "Host: evil.example"])).toMatch(/^HTTP\/1.1 400/);
  });
});

describe("a build's log", () => {
  it("is not shown to an address that is not the bot's own", async () => {
    let asked = 0;
    const readBuildLog = async () => {
      asked += 1;
      return "SECRET of the build";
    };
    const { url, queue } = await serve({ readBuildLog });
    await queue.add(job("shop/web-1"));
    const lines = [`GET /jobs/${job("shop/web-1").id}?log=1 HTTP/1.1`, "Host: 127.0.0.1", "Accept: text/html"];
    expect(await ask(url, lines)).toContain("SECRET");
    const refused = await ask(url, lines, "127.0.0.6");
    expect(refused).not.toContain("SECRET");
    expect(refused).toContain("BUILD_WATCHER_API_TOKEN");
    expect(asked).toBe(1);
  });
});
