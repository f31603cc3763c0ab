import { type AddressInfo, createServer, type Socket } from "node:net";
import axios from "axios";
import { describe, expect, it } from "vitest";
import { createHttpEndpoint } from "../../src/analyzers/http/http.ts";
import { thothService } from "../../src/analyzers/service.ts";
import { loadConfig } from "../../src/config/load.ts";
import { systemClock } from "../../src/core/clock.ts";
import { type Proxies, readProxies } from "../../src/core/hosts/proxy.ts";
import { createAgents, proxyFailure } from "../../src/network/agents.ts";
import { createHttpNotifier } from "../../src/notifications/http-notifier.ts";
import { getManifest } from "../../src/registry/reading/distribution.ts";
import { openTestCopier } from "../support/copier.ts";
import { startOddRegistry } from "../support/odd-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { startProxy } from "../support/proxy-server.ts";
import { makeImage } from "../support/registry-images.ts";
import { openTestParts } from "../support/registry-parts.ts";
import { makeCertificates, startRegistry } from "../support/registry-server.ts";

const signal = new AbortController().signal;
type Variables = Readonly<Record<string, string>>;

function proxiesOf(variables: Variables): Proxies {
  return readProxies(variables).proxies;
}

describe("the proxy for an address", () => {
  const https = { HTTPS_PROXY: "http://p:3128" };

  it.each<[Variables, string, "through p" | "directly"]>([
    // The variables                                       an address                          how it is reached
    [https, "https://quay.io/v2/", "through p"],
    [https, "http://quay.io/v2/", "directly"],
    [{ HTTP_PROXY: "http://p:3128" }, "http://quay.io/v2/", "through p"],
    [{ https_proxy: "http://p:3128" }, "https://quay.io/v2/", "through p"],
    [{ HTTPS_PROXY: "p:3128" }, "https://quay.io/v2/", "through p"],
    [{ ALL_PROXY: "http://p:3128" }, "https://quay.io/v2/", "directly"],
    [{ ...https, NO_PROXY: "example.com" }, "https://quay.example.com/", "directly"],
    [{ ...https, NO_PROXY: "example.com" }, "https://example.com/", "directly"],
    [{ ...https, NO_PROXY: "example.com" }, "https://notexample.com/", "through p"],
    [{ ...https, NO_PROXY: ".example.com" }, "https://quay.example.com/", "directly"],
    [{ ...https, NO_PROXY: ".example.com" }, "https://example.com/", "through p"],
    [{ ...https, NO_PROXY: "*.example.com" }, "https://quay.example.com/", "directly"],
    [{ ...https, NO_PROXY: "EXAMPLE.com , .svc" }, "https://quay.Example.com/", "directly"],
    [{ ...https, NO_PROXY: "EXAMPLE.com , .svc" }, "https://registry.shop.svc:5000/", "directly"],
    [{ ...https, NO_PROXY: "example.com:8443" }, "https://quay.example.com:8443/", "directly"],
    [{ ...https, NO_PROXY: "example.com:8443" }, "https://quay.example.com/", "through p"],
    [{ ...https, NO_PROXY: "example.com:443" }, "https://quay.example.com/", "directly"],
    [{ ...https, NO_PROXY: "10.0.0.0/8" }, "https://10.1.2.3:5000/", "directly"],
    [{ ...https, NO_PROXY: "10.0.0.0/8" }, "https://11.1.2.3:5000/", "through p"],
    [{ ...https, NO_PROXY: "10.1.2.3" }, "https://10.1.2.3/", "directly"],
    [{ ...https, NO_PROXY: "fd00::/8" }, "https://[fd00::5]:5000/", "directly"],
    [{ ...https, NO_PROXY: "[fd00::5]:5000" }, "https://[fd00::5]:5000/", "directly"],
    [{ ...https, NO_PROXY: "fd00::5" }, "https://[fd00::5]:5000/", "directly"],
    [{ ...https, NO_PROXY: "[fd00::5]" }, "https://[fd00::5]:5000/", "through p"],
    [{ ...https, NO_PROXY: "10.0.0.0/33" }, "https://10.0.0.0/", "through p"],
    [{ ...https, NO_PROXY: "10.0.0.0/8:5000" }, "https://10.1.2.3:5000/", "through p"],
    [{ ...https, NO_PROXY: "::ffff:10.1.2.3" }, "https://10.1.2.3:5000/", "directly"],
    [{ ...https, NO_PROXY: "::ffff:10.1.2.0/120" }, "https://10.1.2.3:5000/", "directly"],
    [{ ...https, NO_PROXY: "::ffff:10.1.2.0/120" }, "https://10.1.3.3:5000/", "through p"],
    [{ ...https, NO_PROXY: "[10.1.2.3]:5000" }, "https://10.1.2.3:5000/", "directly"],
    [{ ...https, NO_PROXY: "0x0a010203" }, "https://10.1.2.3/", "through p"],
    [{ ...https, NO_PROXY: "010.1.2.3" }, "https://10.1.2.3/", "through p"],
    [{ ...https, NO_PROXY: "10.1.2.3%eth0" }, "https://10.1.2.3/", "through p"],
    [{ ...https, NO_PROXY: "2.3" }, "https://10.1.2.3/", "directly"],
    [{ ...https, NO_PROXY: "quay.io:" }, "https://quay.io:5000/", "directly"],
    [{ ...https, NO_PROXY: "quay.io:0443" }, "https://quay.io/", "through p"],
    [{ ...https, NO_PROXY: "quay.io." }, "https://quay.io/", "through p"],
    [{ ...https, NO_PROXY: "*quay.io" }, "https://quay.io/", "through p"],
    [{ ...https, NO_PROXY: "uay.io" }, "https://quay.io/", "through p"],
    [{ ...https, NO_PROXY: ",:443,.,quay.io" }, "https://quay.io/", "directly"],
    [{ ...https, NO_PROXY: "registry-1.docker.io" }, "https://registry-1.docker.io/v2/", "directly"],
    [https, "https://[::2]/", "through p"],
    [{ ...https, NO_PROXY: "*" }, "https://quay.io/", "directly"],
    [{ ...https, no_proxy: "quay.io" }, "https://quay.io/", "directly"],
    [{ ...https, NO_PROXY: "quay.io", no_proxy: "" }, "https://quay.io/", "directly"],
    [https, "https://localhost:5000/", "directly"],
    [https, "https://127.0.0.1:5000/", "directly"],
    [https, "https://127.8.8.8/", "directly"],
    [https, "https://[::1]:5000/", "directly"],
  ])("is read from %j as Go reads it: %s is reached %s", (variables, url, how) => {
    expect(proxiesOf(variables).proxyFor(new URL(url))?.name).toBe(how === "directly" ? undefined : "http://p:3128");
  });

  it("is the upper-case variable if two differ, also for skopeo, and the bot says so", () => {
    const { proxies, warnings } = readProxies({ HTTPS_PROXY: "http://a:1", https_proxy: "http://b:1", no_proxy: "x" });
    expect(proxies.proxyFor(new URL("https://quay.io"))?.name).toBe("http://a:1");
    const alike = { HTTPS_PROXY: "http://a:1", https_proxy: "http://a:1", NO_PROXY: "x", no_proxy: "x" };
    expect(proxies.environment).toEqual(alike);
    expect(warnings).toEqual(["HTTPS_PROXY and https_proxy differ; HTTPS_PROXY counts"]);
  });

  it.each([
    [{ HTTPS_PROXY: "not a url" }, /^HTTPS_PROXY is not usable; expected http:\/\//],
    [{ http_proxy: "socks5://p:1080" }, /^http_proxy is not usable; .*SOCKS/],
    [{ HTTPS_PROXY: "http://:3128" }, /^HTTPS_PROXY is not usable/],
    [{ HTTPS_PROXY: '"http://p:3128"' }, /^HTTPS_PROXY is not usable/],
    [{ HTTPS_PROXY: "http://me:p#ss@p:3128" }, /^HTTPS_PROXY is not usable/],
    [{ HTTPS_PROXY: "http://me:pa%zz@p:3128" }, /^HTTPS_PROXY is not usable; .* % is %25/],
    [{ HTTPS_PROXY: "http://me:100%@p:3128" }, /^HTTPS_PROXY is not usable/],
    [{ HTTPS_PROXY: "http://p:99999" }, /^HTTPS_PROXY is not usable/],
  ])("that %j names keeps the bot from starting, and check says so", (variables, message) => {
    const load = () => loadConfig({ flags: {}, environment: { HOME: "/", ...variables } });
    expect(load).toThrow(expect.objectContaining({ mistakes: [expect.stringMatching(message)] }));
  });

  it.each<readonly [Variables, RegExp]>([
    [{ ALL_PROXY: "http://p:3128" }, /^ALL_PROXY has no effect, .*set HTTPS_PROXY/],
    [{ ...https, NO_PROXY: "https://quay.io" }, /^NO_PROXY holds "https:\/\/quay.io", which matches nothing/],
    [{ ...https, NO_PROXY: "quay.io registry.io" }, /which matches nothing; expected .* separated by commas/],
    [{ ...https, NO_PROXY: "quay.*" }, /which matches nothing/],
    ...[
      "10.0.0.0/99x",
      "10.0.0.0/33",
      "10.*",
      "quay.io;registry.io",
      "'quay.io'",
      "quay.io.",
      "quay.io/org",
      "<local>",
      "[::1]",
    ].map((entry) => [{ ...https, NO_PROXY: `a.example, ${entry}` }, /which matches nothing/] as const),
  ])("%j is warned of", (variables, message) => {
    const { warnings } = loadConfig({ flags: {}, environment: { HOME: "/", ...variables } });
    expect(warnings).toEqual([expect.stringMatching(message)]);
  });
});

describe("a proxy that refuses", () => {
  /** What each part of the bot says when the proxy answers so, for an address by HTTPS. */
  async function messages(refuses: number): Promise<string[]> {
    await using proxy = await startProxy({ refuses });
    const proxies = proxiesOf({ HTTPS_PROXY: `http://me:S3cret@${proxy.host}` });
    const parts = openTestParts({ proxies, sourceVerifyTls: true });
    const access = { registry: "quay.test", repository: "shop/app", actions: "pull" as const, login: undefined };
    const send = parts.http.open({ ...access, verifyTls: true, certificates: "" });
    const url = "https://user-api.test/api/v1";
    const endpoint = createHttpEndpoint({
      url,
      service: thothService,
      verifyTls: true,
      timeout: 60_000,
      clock: systemClock,
      proxies,
    });
    const settings = { urls: ["https://hooks.test/"], secret: undefined, allowLocal: true, inPod: false };
    const notifier = createHttpNotifier({ ...settings, clock: systemClock, proxies });
    const event = { id: "1", specversion: "1.0" } as never;
    const told = await Promise.allSettled([
      getManifest(send, "latest", signal),
      endpoint.send({ method: "GET", path: "/" }, signal),
      notifier.deliver(notifier.receivers[0] ?? "", event, signal),
    ]);
    parts.close();
    endpoint.close();
    notifier.close();
    const failures = told.map((result) => (result as PromiseRejectedResult).reason as { message: string; retryable: boolean });
    expect(failures.map(({ retryable }) => retryable)).toEqual([true, true, true]);
    return failures.map(({ message }) => message.replaceAll(proxy.host, "proxy:3128"));
  }

  it.each([
    [407, /the proxy http:\/\/proxy:3128 asks for a login \(407\): put it into HTTPS_PROXY/],
    [403, /the proxy http:\/\/proxy:3128 refused the connection \(403\)/],
    [502, /the proxy http:\/\/proxy:3128 refused the connection \(502\)/],
  ])("with %i is named, without its password, for registries, analysis and notifications alike", async (status, message) => {
    const told = await messages(status);
    for (const text of told) {
      expect(text).toMatch(message);
      expect(text).not.toContain("S3cret");
    }
  });

  it("by plain HTTP with 407 is named, too", async () => {
    await using proxy = await startProxy({ refuses: 407 });
    const proxies = proxiesOf({ HTTP_PROXY: proxy.host });
    const url = "http://user-api.test/api/v1";
    const endpoint = createHttpEndpoint({
      url,
      service: thothService,
      verifyTls: true,
      timeout: 60_000,
      clock: systemClock,
      proxies,
    });
    await expect(endpoint.send({ method: "GET", path: "/" }, signal)).rejects.toThrow(
      /the proxy http:.* asks for a login \(407\)/,
    );
    endpoint.close();
  });

  it("by not answering is given up before the job's deadline", async () => {
    await using proxy = await startProxy({ refuses: 0 });
    const agents = createAgents(proxiesOf({ HTTPS_PROXY: proxy.host }), 200);
    const { via, ...way } = agents.wayTo(new URL("https://quay.test/"), "", () => ({}));
    const failure: unknown = await axios.get("https://quay.test/", way).catch((error: unknown) => error);
    expect(proxyFailure(failure, via)).toBe(`the proxy http://${proxy.host} did not open a connection in time`);
    agents.close();
  });

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ["closes", (socket) => socket.end(), /the proxy http:\S+ did not open a connection: it is no HTTP proxy/],
    ["speaks another protocol", (socket) => socket.end("SSH-2.0-x\r\n"), /did not open a connection: it is no HTTP proxy/],
    ["breaks off", (socket) => socket.resetAndDestroy(), /ECONNRESET, through the proxy http:/],
  ])("because it %s is named", async (_, answer, message) => {
    const server = createServer((socket) => void socket.on("error", () => {}).once("data", () => answer(socket)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const parts = openTestParts({ proxies: proxiesOf({ HTTPS_PROXY: `127.0.0.1:${(server.address() as AddressInfo).port}` }) });
    const access = { registry: "quay.test", repository: "shop/app", actions: "pull" as const, login: undefined };
    const send = parts.http.open({ ...access, verifyTls: true, certificates: "" });
    await expect(getManifest(send, "latest", signal)).rejects.toThrow(message);
    parts.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it("because it does not exist is named", async () => {
    const proxy = await startProxy();
    await proxy[Symbol.asyncDispose]();
    const parts = openTestParts({ proxies: proxiesOf({ HTTPS_PROXY: proxy.host }) });
    const access = { registry: "quay.test", repository: "shop/app", actions: "pull" as const, login: undefined };
    const send = parts.http.open({ ...access, verifyTls: true, certificates: "" });
    await expect(getManifest(send, "latest", signal)).rejects.toThrow(
      /the proxy http:.*HTTPS_PROXY.* cannot be reached \(ECONNREFUSED\)/,
    );
    parts.close();
  });
});

requirePrograms(
  "skopeo",
  "docker-registry",
  "openssl",
)("a copy through a proxy", () => {
  it("copies through it in both directions with the right login, and reaches a registry on the bot's machine directly", async () => {
    const certificates = makeCertificates();
    await using source = await startOddRegistry({ tls: certificates });
    await using proxy = await startProxy({ leadsTo: () => source.host });
    const destination = await startRegistry();
    const proxies = proxiesOf({ HTTPS_PROXY: `http://me%40corp:p%3Ass@${proxy.host}` });
    const copier = await openTestCopier({ pushRegistry: `${destination.host}/copies`, proxies });
    const image = makeImage();
    source.put("shop/app", image);
    await expect(copier.copyNamed(`quay.test/shop/app@${image.digest}`)).resolves.toMatchObject({ digest: image.digest });
    expect(proxy.asked.length).toBeGreaterThan(1);
    expect(new Set(proxy.asked.map(({ request, login }) => `${request} ${login}`))).toEqual(
      new Set(["CONNECT quay.test:443 me@corp:p:ss"]),
    );
    await copier.remove();
    await destination.close();
    certificates.remove();
  });
});
