import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { getManifest } from "../../src/registry/reading/distribution.ts";
import type { RegistryParts } from "../../src/registry/registry-parts.ts";
import { fastClock } from "../support/fast-clock.ts";
import { type OddRegistry, startOddRegistry } from "../support/odd-registry.ts";
import { makeImage } from "../support/registry-images.ts";
import { openTestParts } from "../support/registry-parts.ts";

const signal = new AbortController().signal;
const closing: (() => PromiseLike<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A door before a plain registry that deals with whoever begins a TLS handshake. */
async function startDoor(registry: OddRegistry, greet: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (first) => {
      // A record of TLS begins with 22.
      if (first[0] === 22) return greet(socket);
      const outgoing = connect(Number(registry.host.split(":")[1]), "127.0.0.1");
      sockets.add(outgoing);
      outgoing.on("error", () => {});
      outgoing.write(first);
      socket.pipe(outgoing).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const doors: readonly (readonly [string, (socket: Socket) => void])[] = [
  ["resets the connection", (socket) => void socket.resetAndDestroy()],
  ["closes the connection", (socket) => void socket.end()],
  ["answers in plain HTTP", (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["says nothing", () => {}],
];

async function openBehind(greet: (socket: Socket) => void): Promise<{ host: string; parts: RegistryParts; digest: string }> {
  const registry = await startOddRegistry();
  const image = makeImage();
  registry.put("shop/app", image);
  const parts = openTestParts({ clock: fastClock(20) });
  closing.push(
    () => parts.close(),
    () => registry[Symbol.asyncDispose](),
  );
  return { host: await startDoor(registry, greet), parts, digest: image.digest };
}

const access = { repository: "shop/app", actions: "pull" as const, login: undefined, certificates: "" };

it.each(doors)("a registry that %s at a TLS hello is asked by HTTP where certificates are not verified", async (_, greet) => {
  const { host, parts, digest } = await openBehind(greet);
  const send = parts.http.open({ ...access, registry: host, verifyTls: false });
  await expect(getManifest(send, digest, signal)).resolves.toMatchObject({ digest });
});

it.each(doors)("a registry that %s at a TLS hello is never asked by HTTP where they are", async (_, greet) => {
  const { host, parts, digest } = await openBehind(greet);
  const send = parts.http.open({ ...access, registry: host, verifyTls: true });
  await expect(getManifest(send, digest, signal)).rejects.toMatchObject({ name: "JobError" });
});
