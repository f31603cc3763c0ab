import { describe, expect, it, onTestFinished } from "vitest";
import { createQuayAnalyzer, quayLogin, quayService } from "../../src/analyzers/quay.ts";
import { createQuay, type QuayOptions } from "../../src/demo/services/quay.ts";
import { digest, endpointAt, failureOf, listening, never, request, secretFile, shown } from "../support/analyzers.ts";
import { createWorld } from "../support/bot.ts";
import { idleClock } from "../support/idle-clock.ts";
import { startOddRegistry } from "../support/odd-registry.ts";
import { makeImage } from "../support/registry-images.ts";
import { completedBuild } from "../support/submissions.ts";

const token = "quay-TOPSECRET-7";
const name = `shop/checkout@${digest}`;
const child = `sha256:${"c4".repeat(32)}` as const;
const findings = {
  coverage: "complete",
  severities: { critical: 1, high: 0, medium: 0, low: 1, unknown: 0 },
  fixable: 1,
  packages: 4,
};

async function quay(options: QuayOptions = {}, secret?: string) {
  const service = await listening(createQuay(options));
  const login = secret === undefined ? undefined : quayLogin(secretFile(secret));
  const analyzer = createQuayAnalyzer({ endpoint: endpointAt(service.url, quayService), login });
  const { output } = request;
  const inQuay = { ...request, output: { ...output, reference: { ...output.reference, registry: new URL(service.url).host } } };
  return { service, analyzer, request: inQuay, submit: () => analyzer.submit(inQuay, never) };
}

describe("an image in Quay", () => {
  it("is asked about until its scan is done, and counts each vulnerability once", async () => {
    const { service, analyzer, submit } = await quay();
    expect(await submit()).toEqual({
      analyzer: "quay",
      analyses: [{ of: "output", id: name, cached: false }],
      notes: [],
      link: `${service.url}/repository/shop/checkout/manifest/${digest}?tab=vulnerabilities`,
    });
    expect(await analyzer.status?.(name, never)).toEqual({ state: "succeeded", findings });
    expect(service.requests.at(-1)).toMatchObject({
      path: `/api/v1/repository/shop/checkout/manifest/${digest}/security`,
      query: { vulnerabilities: "true" },
    });
  });

  it("that waits for its scan is asked about again later", async () => {
    const { analyzer } = await quay({ scans: { [name]: "queued" } });
    expect(await analyzer.status?.(name, never)).toEqual({ state: "running", retryAfter: 30_000 });
  });

  it("that was scanned before has its findings at once", async () => {
    const { submit } = await quay({ scans: { [name]: "scanned" } });
    expect(await submit()).toMatchObject({ analyses: [{ state: "succeeded" }], findings });
  });

  it.each([
    ["unsupported", /cannot read this kind of image/],
    ["manifest_layer_too_large", /layer is larger/],
  ] as const)("that is %s is not scanned, never clean", async (scan, why) => {
    const { submit } = await quay({ scans: { [name]: scan } });
    expect((await submit()).findings).toEqual({ coverage: "unknown", why: expect.stringMatching(why) });
  });

  it("in which no package was found is not scanned, never clean", async () => {
    const { submit } = await quay({ scans: { [name]: "scanned" }, features: [] });
    expect((await submit()).findings).toEqual({ coverage: "unknown", why: expect.stringContaining("no package") });
  });

  it("at which the scanner failed has a failed analysis", async () => {
    const { analyzer, submit } = await quay({ scans: { [name]: "failed" } });
    expect(await submit()).toMatchObject({ analyses: [{ state: "failed" }], notes: ["Quay: its scanner failed at the image."] });
    expect(await analyzer.status?.(name, never)).toMatchObject({ state: "failed" });
  });

  it("for several platforms is asked about by one of them", async () => {
    const image = `shop/checkout@${child}`;
    const scans = {
      [name]: { "unknown/unknown": digest, "linux/arm64": digest, "linux/amd64": child },
      [image]: "scanned" as const,
    };
    const { submit } = await quay({ scans });
    expect(await submit()).toMatchObject({
      analyses: [{ id: image, state: "succeeded" }],
      notes: ["Quay scans each platform of an image by itself: this is linux/amd64."],
      findings,
    });
  });

  it("whose scan Quay no longer knows is unknown", async () => {
    const { analyzer } = await quay({ scans: { [name]: "unknown" } });
    expect(await analyzer.status?.(name, never)).toEqual({ state: "unknown" });
  });
});

describe("an image that Quay cannot be asked about", () => {
  it("is one of another registry, which is not told of it", async () => {
    const { analyzer, service } = await quay();
    const error = await failureOf(analyzer.submit(request, never));
    expect(error).toMatchObject({
      reason: "AnalyzerRejected",
      message: expect.stringMatching(/quay\.example\.com.*THOTH_PUSH_REGISTRY/),
    });
    expect(service.requests).toEqual([]);
  });

  it("is not one that is named with the usual port", async () => {
    const analyzer = createQuayAnalyzer({ endpoint: endpointAt("https://quay.example.com", quayService) });
    const { output } = request;
    const named = { ...output, reference: { ...output.reference, registry: "quay.example.com:443" } };
    expect(await failureOf(analyzer.submit({ ...request, output: named }, AbortSignal.abort()))).not.toMatchObject({
      reason: "AnalyzerRejected",
    });
  });

  it("is one that it does not show, in words that say what to change", async () => {
    const { submit } = await quay({ scans: { [name]: "unknown" } });
    expect(await failureOf(submit())).toMatchObject({
      reason: "AnalyzerRejected",
      message: expect.stringMatching(/knows no scan of shop\/checkout.*BUILD_WATCHER_QUAY_TOKEN_FILE.*FEATURE_SECURITY_SCANNER/),
    });
  });
});

describe("what Quay refuses", () => {
  it.each([
    [400, "invalid_request", "AnalyzerRejected", false],
    [401, "expired_token", "AnalyzerLogin", true],
    [403, "insufficient_scope", "AnalyzerLogin", true],
    [429, "too_many", "AnalyzerUnavailable", true],
    [500, "oops", "AnalyzerFailed", true],
    [503, "read-only", "AnalyzerUnavailable", true],
    [520, "downstream_issue", "AnalyzerFailed", true],
  ])("%i is judged as what it means", async (status, title, reason, retryable) => {
    const { service, submit } = await quay();
    service.fail("/api/v1/repository", { status, body: { title, status } });
    expect(await failureOf(submit())).toMatchObject({ reason, retryable, message: expect.stringContaining(title) });
  });

  it("is a login that is missing or wrong, which it does not repeat", async () => {
    for (const secret of [undefined, token]) {
      const error = await failureOf((await quay({ token: "another" }, secret)).submit());
      expect(error).toMatchObject({ reason: "AnalyzerLogin", message: expect.stringContaining("BUILD_WATCHER_QUAY_TOKEN_FILE") });
      expect(shown(error)).not.toContain(token);
    }
    expect(await (await quay({ token }, token)).submit()).toMatchObject({ notes: [] });
  });
});

describe("asking whether Quay is there", () => {
  it("is content with one that has a scanner", async () => {
    const { analyzer } = await quay();
    await analyzer.discover(never);
  });

  it("says which feature is off", async () => {
    const { analyzer } = await quay({ scanner: false });
    expect(await failureOf(analyzer.discover(never))).toMatchObject({
      message: expect.stringContaining("FEATURE_SECURITY_SCANNER"),
    });
  });
});

describe("a build whose image is in Quay", () => {
  it("shows on its row what Quay found", async () => {
    const registry = await startOddRegistry();
    onTestFinished(() => registry[Symbol.asyncDispose]());
    const service = await listening(createQuay({ token }));
    registry.oddity = ({ headers }, response, url) => {
      if (!url.startsWith("/api/")) return false;
      void fetch(`${service.url}${url}`, { headers: { authorization: headers.authorization ?? "" } }).then(async (answer) =>
        response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text()),
      );
      return true;
    };
    await using world = await createWorld();
    const settings = {
      BUILD_WATCHER_ANALYZERS: "quay",
      BUILD_WATCHER_QUAY_URL: registry.url,
      BUILD_WATCHER_QUAY_TOKEN_FILE: secretFile(token),
      THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
      BUILD_WATCHER_SERVER: "1",
      PORT: "0",
    };
    const bot = world.bot([], settings, idleClock());
    const { url } = await bot.logged((line) => line.url !== undefined);
    const image = makeImage();
    registry.put("shop/app", image);
    const output = { kind: "DockerImage" as const, name: `${registry.host}/shop/app:latest` };
    world.cluster.put(
      "builds",
      completedBuild("app", { digest: image.digest, output, outputReference: output.name, base: null }),
    );
    const page = async () => (await fetch(String(url))).text();
    await expect.poll(page).toContain("1 critical, 1 low");
    await bot.stop();
    expect(bot.stdout()).not.toContain(token);
  });
});
