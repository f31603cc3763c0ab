import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { noProxies } from "../../src/core/hosts/proxy.ts";
import { createAgents } from "../../src/network/agents.ts";

it("an idle connection is not kept for ever, a slow answer is waited for", async () => {
  const closed = Promise.withResolvers<string>();
  const server = createServer((_, response) => void setTimeout(() => response.end("late"), 200));
  let answered = false;
  server.on("connection", (socket) => socket.on("close", () => closed.resolve(answered ? "afterwards" : "too early")));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.keepAliveTimeout = 0;
  onTestFinished(() => void server.close());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const agents = createAgents(noProxies, 1_000, 50);
  onTestFinished(() => agents.close());
  const text = await new Promise<string>((resolve, reject) => {
    const { httpAgent } = agents.wayTo(url, "", () => ({}));
    get(url, { agent: httpAgent }, async (response) => {
      for await (const chunk of response) resolve(String(chunk));
    }).on("error", reject);
  });
  answered = true;
  expect(text).toBe("late");
  expect(await closed.promise).toBe("afterwards");
});
