import { request } from "node:http";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Health } from "../../src/server/health.ts";
import { openServer } from "../../src/server/server.ts";
import { ServerError } from "../../src/server/server-error.ts";

const well: Health = { ok: true };
const ill: Health = { ok: false, because: ["Builds of shop: not listed yet", "Builds of bank: Grant it"] };
const veryIll: Health = { ok: false, because: Array(200).fill("Grant it") };

async function serve({ live = well, ready = well }: { live?: Health; ready?: Health } = {}) {
  const health = { liveness: () => live, readiness: () => ready };
  const server = await openServer({ host: "127.0.0.1", port: 0, health });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

describe("the probes", () => {
  it.each([
    ["/livez", { live: well, ready: ill }, 200, "ok\n"],
    ["/readyz", { live: ill, ready: well }, 200, "ok\n"],
    ["/livez", { live: ill }, 503, "Builds of shop: not listed yet\nBuilds of bank: Grant it\n"],
    ["/readyz", { ready: ill }, 503, "Builds of shop: not listed yet\nBuilds of bank: Grant it\n"],
    ["/readyz", { ready: veryIll }, 503, `${"Grant it\n".repeat(20)}and 180 more: build-watcher status --all shows them\n`],
  ])("%s of %j answers %i", async (path, health, status, body) => {
    const { url } = await serve(health);
    const answer = await fetch(url + path);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toBe(body);
    expect(answer.headers.get("content-type")).toContain("text/plain");
  });

  it("answer JSON if asked for it", async () => {
    const { url } = await serve({ ready: ill });
    const answer = await fetch(`${url}/readyz`, { headers: { accept: "application/json" } });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual(ill);
  });

  it("are answered to HEAD without a body, and are not cached", async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/livez`, { method: "HEAD" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it.each([
    ["GET", "/"],
    ["GET", "/livez/x"],
    ["GET", "/%ff"],
    ["POST", "/livez"],
    ["DELETE", "/readyz"],
    ["GET", "/metrics"],
  ])("are all there is: %s %s finds nothing, and tells nothing of the server", async (method, path) => {
    const { url } = await serve();
    const answer = await fetch(url + path, { method });
    expect([400, 404]).toContain(answer.status);
    expect(await answer.text()).not.toMatch(/ at |node_modules|express/i);
    expect(answer.headers.get("x-powered-by")).toBeNull();
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });
});

describe("the server", () => {
  it("closes at once, even with open connections", async () => {
    const server = await openServer({
      host: "127.0.0.1",
      port: 0,
      health: { liveness: () => well, readiness: () => well },
    });
    const { port } = new URL(server.url);
    const idle = connect(Number(port), "127.0.0.1");
    const closed = new Promise((resolve) => idle.once("close", resolve));
    await new Promise((resolve) => idle.once("connect", resolve));
    const kept = request(`${server.url}/livez`, { headers: { connection: "keep-alive" } });
    kept.on("error", () => undefined);
    await new Promise((resolve) => kept.once("response", resolve).end());
    await server[Symbol.asyncDispose]();
    await closed;
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow("fetch failed");
  });

  it("refuses a request that is none, without a stack", async () => {
    const { url } = await serve();
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.end("QUOKKA\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request/);
  });

  it("names PORT when another program has the port", async () => {
    const { url } = await serve();
    const port = Number(new URL(url).port);
    const second = openServer({ host: "127.0.0.1", port, health: { liveness: () => well, readiness: () => well } });
    await expect(second).rejects.toThrow(ServerError);
    await expect(second).rejects.toThrow(`Another program already listens on 127.0.0.1, port ${port}: set --port (PORT)`);
  });

  it("names BUILD_WATCHER_HOST when the address is not this machine's", async () => {
    const second = openServer({ host: "192.0.2.1", port: 0, health: { liveness: () => well, readiness: () => well } });
    await expect(second).rejects.toThrow("192.0.2.1 is not an address of this machine (EADDRNOTAVAIL): correct --host");
  });

  it("listens on every address when none is named", async () => {
    const server = await openServer({ host: undefined, port: 0, health: { liveness: () => well, readiness: () => well } });
    onTestFinished(() => server[Symbol.asyncDispose]());
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    const taken = createServer().listen(Number(new URL(server.url).port), "127.0.0.1");
    onTestFinished(() => void taken.close());
    await expect(new Promise((resolve, reject) => taken.once("listening", resolve).once("error", reject))).rejects.toThrow(
      "EADDRINUSE",
    );
  });
});
