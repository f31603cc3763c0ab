import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { openCluster } from "../../../src/app/opening/open-cluster.ts";
import { fakeClock } from "../../support/fake-clock.ts";
import { aBuild } from "../../support/fixtures.ts";
import { fastPace } from "../test-cluster.ts";

/** A watch that sends events as fast as they are taken, for ever. */
async function startFlood() {
  const event = `${JSON.stringify({ type: "MODIFIED", object: aBuild() })}\n`.repeat(20);
  const counts = { written: 0, watches: 0 };

  function flood(response: ServerResponse): void {
    while (!response.destroyed) {
      counts.written += event.length;
      if (!response.write(event)) break;
    }
    response.once("drain", () => flood(response));
  }

  const server = createServer((request, response) => {
    if (!request.url?.includes("watch=true")) {
      response.end(JSON.stringify({ metadata: { resourceVersion: "1" }, items: [] }));
      return;
    }
    counts.watches += 1;
    flood(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, counts };
}

it("nothing is read ahead while the consumer is busy, and its time is not taken for the server's silence", async () => {
  const { url, counts } = await startFlood();
  const clock = fakeClock();
  const cluster = await openCluster({
    namespaces: ["shop"],
    verifyTls: true,
    url,
    watchTimeout: 1000,
    clock,
    environment: {},
    pace: fastPace,
  });
  onTestFinished(() => cluster.close());
  const stop = new AbortController();
  let taken = 0;
  for await (const sighting of cluster.watchBuilds(stop.signal)) {
    if (sighting.kind !== "builds" || ++taken < 3) continue;
    let before = -1;
    const stands = () => {
      const same = counts.written === before;
      before = counts.written;
      return same;
    };
    await expect.poll(stands, { interval: 150 }).toBe(true);
    await clock.advance(60_000);
    if (taken === 5) break;
  }
  expect(counts.written).toBeLessThan(64 * 1024 * 1024);
  expect(counts.watches).toBe(1);
});
