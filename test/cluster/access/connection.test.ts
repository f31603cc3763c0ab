import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ClusterSettings } from "../../../src/cluster/settings.ts";
import { testCertificates } from "../../support/fixtures.ts";
import { type KubeconfigTraits, writeKubeconfig } from "../../support/kubeconfig.ts";
import { startProxy } from "../../support/proxy-server.ts";
import { fastPace, open, openTestCluster, openWith, startApi, streams, token, watchBuilds } from "../test-cluster.ts";

const signal = new AbortController().signal;
const certificates = testCertificates();
const { ca, server: tls } = certificates;

it.each([
  ["with its scheme", (url: string) => url],
  ["as a bare host, which means https", (url: string) => new URL(url).host],
])("a server's URL may be given %s, in place of the kubeconfig's", async (_, given) => {
  const api = await startApi({ tls });
  const url = given(api.url);
  const { cluster } = await openWith({ server: "https://elsewhere.invalid", token, ca }, { url });
  expect(await streams(cluster)).toEqual(["golang-builder/app"]);
});

describe("a server's certificate", () => {
  it("is not accepted from an unknown authority, and the operator is told what to do", async () => {
    const api = await startApi({ tls });
    const { cluster } = await openWith({ server: api.url, token });
    await expect(streams(cluster)).rejects.toMatchObject({
      reason: "ClusterUnavailable",
      message: expect.stringMatching(/certificate.*not trusted.*KUBERNETES_VERIFY_TLS=0/),
    });
    expect(api.requests).toEqual([]);
  });

  it.each<[string, Partial<KubeconfigTraits>, Partial<ClusterSettings>]>([
    ["the kubeconfig brings its CA", { ca }, {}],
    ["the kubeconfig switches verification off", { cluster: { "insecure-skip-tls-verify": true } }, {}],
    ["the settings switch verification off", {}, { verifyTls: false }],
  ])("is accepted when %s", async (_, traits, settings) => {
    const api = await startApi({ tls });
    const { cluster } = await openWith({ server: api.url, token, ...traits }, settings);
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
  });

  it("is accepted as soon as a rewritten kubeconfig brings the CA", async () => {
    const api = await startApi({ tls });
    const { cluster, file } = await openWith({ server: api.url, token });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length > 0);
    await file.rewrite({ server: api.url, token, ca });
    await sightings.until((its) => its.builds().length === 1);
  });
});

describe("connections", () => {
  it("are kept and used again", async () => {
    const api = await startApi();
    const { cluster } = await openWith({ server: api.url, token });
    for (let count = 0; count < 20; count++) await streams(cluster);
    expect(api.requests).toHaveLength(20);
    expect(api.connections).toBeLessThanOrEqual(2);
  });

  it("lead through the kubeconfig's proxy", async () => {
    const api = await startApi({ tls });
    const proxy = createServer();
    const tunnels: (string | undefined)[] = [];
    proxy.on("connect", (request, client) => {
      tunnels.push(request.url);
      const upstream = connect(Number(new URL(api.url).port), "127.0.0.1", () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
      upstream.pipe(client).pipe(upstream);
      for (const socket of [client, upstream]) socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void proxy.close());
    const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { cluster } = await openWith({ server: api.url, token, ca, cluster: { "proxy-url": proxyUrl } });
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
    expect(tunnels).toEqual([new URL(api.url).host]);
  });

  it("lead through the environment's proxy where the kubeconfig names none, as oc's do", async () => {
    const api = await startApi({ tls });
    await using proxy = await startProxy({ leadsTo: () => new URL(api.url).host });
    const traits = { server: "https://api.cluster.test:6443", token, cluster: { "insecure-skip-tls-verify": true } };
    const file = await writeKubeconfig(traits);
    onTestFinished(() => file.remove());
    const environment = { ...file.environment, HTTPS_PROXY: `http://me:pass%3Aword@${proxy.host}`, NO_PROXY: ".svc" };
    const cluster = await open({ environment });
    expect(await streams(cluster)).toEqual(["golang-builder/app"]);
    expect(proxy.asked).toEqual([{ request: "CONNECT api.cluster.test:6443", login: "me:pass:word" }]);
  });

  it("keep the path of a server's URL", async () => {
    const paths: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url);
      response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/k8s/clusters/c-1/`;
    const cluster = await open({ url });
    expect(await cluster.readBuildLog({ namespace: "golang-builder", name: "app-1", uid: "1" }, 100, signal)).toBeUndefined();
    expect(paths).toEqual([
      "/k8s/clusters/c-1/apis/build.openshift.io/v1/namespaces/golang-builder/builds/app-1/log?nowait=true&tailLines=10",
    ]);
  });

  it.each([
    ["refused", "http://127.0.0.1:1", /cannot be reached \(ECONNREFUSED\).*KUBERNETES_API_URL/],
    ["a name nobody knows", "http://cluster.invalid", /unknown host name/],
  ])("that are %s are explained", async (_, server, message) => {
    const { cluster } = await openWith({ server, token });
    const sightings = watchBuilds(cluster);
    await sightings.until((its) => its.troubles().length > 0);
    expect(sightings.troubles()[0]).toMatchObject({ reason: "Unavailable", message: expect.stringMatching(message) });
  });

  it.each(["connecting", "listing", "streaming", "pausing"] as const)(
    "and timers end with the signal while %s",
    async (phase) => {
      const timers = new Set<object>();
      const clock = {
        now: Date.now,
        schedule(milliseconds: number, run: () => void) {
          const timer = setTimeout(run, milliseconds);
          timers.add(timer);
          return () => {
            clearTimeout(timer);
            timers.delete(timer);
          };
        },
      };
      const pace = { ...fastPace, backoff: { initial: 60_000, cap: 60_000 } };
      const { api, cluster } = await openTestCluster({ settings: { clock, pace } });
      if (phase === "connecting") api.fail("list", "hang");
      if (phase === "listing") api.fail("list", "hang-body");
      if (phase === "pausing") api.fail("list", { status: 500 });
      const sightings = watchBuilds(cluster);
      await api.waitFor(() => api.requests.length === (phase === "streaming" ? 2 : 1));
      if (phase === "streaming") await sightings.until((its) => its.count("alive") === 1);
      if (phase === "pausing") await sightings.until((its) => its.troubles().length === 1);
      await sightings.stop();
      await setImmediate();
      expect(timers.size).toBe(0);
      await api.waitFor(() => api.openWatches === 0);
    },
  );
});
