import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { readProxies } from "../../src/core/hosts/proxy.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { gatewayUrl, pushMetrics } from "../../src/telemetry/push-metrics.ts";
import { type FakeClock, fakeClock } from "../support/fake-clock.ts";
import { startHttpServer } from "../support/http-server.ts";
import { captureLog } from "../support/log.ts";
import { startProxy } from "../support/proxy-server.ts";

interface Push {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

async function startGateway(answer: (number: number) => number = () => 200, headers: Readonly<Record<string, string>> = {}) {
  const pushes: Push[] = [];
  const server = await startHttpServer(async (request, response) => {
    pushes.push({ method: request.method ?? "", path: request.url ?? "", body: await text(request) });
    response.writeHead(answer(pushes.length), headers).end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { pushes, port: server.port };
}

function begin(port: number, clock: FakeClock) {
  const metrics = createMetrics({ ofProcess: false });
  const { log, lines } = captureLog();
  const pushing = pushMetrics({ metrics, host: "127.0.0.1", port, instance: "ocp/test", log, clock });
  return { metrics, lines, pushing };
}

describe("pushing metrics", () => {
  it("happens at once, every 30 seconds and at the end, and replaces what was pushed before", async () => {
    const { pushes, port } = await startGateway();
    const clock = fakeClock();
    const { metrics, pushing } = begin(port, clock);
    await expect.poll(clock.pending).toBe(1);
    expect(pushes).toMatchObject([{ method: "PUT", path: "/metrics/job/build-watcher/instance/ocp%2Ftest" }]);
    await clock.advance(29_999);
    expect(pushes).toHaveLength(1);
    await clock.advance(1);
    await expect.poll(clock.pending).toBe(1);
    expect(pushes).toHaveLength(2);
    metrics.count("imagesSubmitted", {}, 4);
    await pushing[Symbol.asyncDispose]();
    expect(pushes).toHaveLength(3);
    expect(pushes[2]?.body).toContain("build_watcher_image_submission_total 4");
  });

  it("says once that a gateway fails, and once that it works again", async () => {
    const { port } = await startGateway((number) => (number <= 3 ? 500 : 200));
    const clock = fakeClock();
    const { lines, pushing } = begin(port, clock);
    for (let pushed = 0; pushed < 4; pushed += 1) {
      await expect.poll(clock.pending).toBe(1);
      await clock.advance(30_000);
    }
    await pushing[Symbol.asyncDispose]();
    expect(lines).toMatchObject([
      { level: "warn", msg: expect.stringContaining("PROMETHEUS_PUSHGATEWAY_HOST"), error: expect.stringContaining("500") },
      { level: "info", msg: "The push gateway accepts metrics again" },
    ]);
  });

  it.each([
    [301, { location: "https://push.example.com/" }, "redirects (301) to https://push.example.com/: write that"],
    [302, { location: "/login" }, "redirects (302) to /login"],
    [307, {}, "redirects (307)"],
    [200, { "content-type": "text/html; charset=utf-8" }, "answers with a web page"],
    [204, {}, "answers 204"],
  ])("does not take %i with %j for a gateway's answer", async (status, headers, words) => {
    const { port } = await startGateway(() => status, headers);
    const { lines, pushing } = begin(port, fakeClock());
    await pushing[Symbol.asyncDispose]();
    expect(lines).toMatchObject([{ level: "warn", error: expect.stringContaining(words) }]);
  });

  it("goes through the proxy that there is for the gateway, and names it when it refuses", async () => {
    const { pushes, port } = await startGateway();
    await using proxy = await startProxy({ leadsTo: () => `127.0.0.1:${port}` });
    const { proxies } = readProxies({ HTTP_PROXY: `http://me:p%40ss@${proxy.host}`, HTTPS_PROXY: proxy.host });
    const { log, lines } = captureLog();
    const settings = { metrics: createMetrics({ ofProcess: false }), instance: "x", log, clock: fakeClock(), proxies };
    await pushMetrics({ ...settings, host: "gateway.test", port: undefined })[Symbol.asyncDispose]();
    expect(pushes.length).toBeGreaterThan(0);
    expect(proxy.asked[0]).toEqual({
      request: "PUT http://gateway.test:9091/metrics/job/build-watcher/instance/x",
      login: "me:p@ss",
    });
    expect(lines).toEqual([]);
    await using wall = await startProxy({ refuses: 403 });
    const walled = readProxies({ HTTPS_PROXY: wall.host }).proxies;
    await pushMetrics({ ...settings, proxies: walled, host: "https://gateway.test", port: undefined })[Symbol.asyncDispose]();
    expect(lines).toMatchObject([{ level: "warn", error: expect.stringContaining(`the proxy is http://${wall.host}`) }]);
  });

  it("ends in time even if nothing answers", async () => {
    const { port } = await startGateway();
    const { lines, pushing } = begin(port === 1 ? 2 : 1, fakeClock());
    await pushing[Symbol.asyncDispose]();
    expect(lines).toMatchObject([{ level: "warn", gateway: "http://127.0.0.1:1" }]);
  });
});

describe("the gateway's URL", () => {
  it.each([
    ["pushgateway", undefined, "http://pushgateway:9091"],
    ["pushgateway", 8080, "http://pushgateway:8080"],
    ["pushgateway:1234", undefined, "http://pushgateway:1234"],
    ["https://push.example.com/here/", undefined, "https://push.example.com/here"],
    ["https://push.example.com", 8443, "https://push.example.com:8443"],
  ])("for %s and port %s is %s", (host, port, url) => {
    expect(gatewayUrl(host, port)).toBe(url);
  });
});
