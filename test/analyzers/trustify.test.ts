import { describe, expect, it } from "vitest";
import { issuerService, oidcLogin } from "../../src/analyzers/http/oidc-login.ts";
import { createTrustifyAnalyzer, trustifyService } from "../../src/analyzers/trustify.ts";
import { createTrustify, type TrustifyOptions } from "../../src/demo/services/trustify.ts";
import { documentsOf, endpointAt, failureOf, listening, never, request, secretFile, shown } from "../support/analyzers.ts";
import { fakeClock } from "../support/fake-clock.ts";

const client = { id: "build-watcher", secret: "CLIENTSECRET" };
const setting = "BUILD_WATCHER_TRUSTIFY_CLIENT_SECRET_FILE";

function server(options: TrustifyOptions = {}) {
  return listening(createTrustify(options));
}

function analyzer(url: string, documents = documentsOf()) {
  return createTrustifyAnalyzer({ endpoint: endpointAt(url, trustifyService), documents });
}

function withLogin(url: string, { secret = client.secret, clock = fakeClock() } = {}) {
  const issuer = endpointAt(`${url}/realms/trustify`, issuerService("BUILD_WATCHER_TRUSTIFY_ISSUER", setting));
  const login = oidcLogin({
    endpoint: issuer,
    clientId: client.id,
    secretFile: secretFile(secret),
    secretSetting: setting,
    clock,
  });
  return createTrustifyAnalyzer({ endpoint: endpointAt(url, trustifyService), login, documents: documentsOf() });
}

describe("an upload to Trustify", () => {
  it("sends the document as it is, with labels", async () => {
    const service = await server({ warnings: ["no supplier"] });
    const submission = await analyzer(service.url).submit(request, never);
    expect(submission).toMatchObject({
      analyses: [{ of: "output", id: expect.stringMatching(/^urn:uuid:/), cached: false }],
      notes: ["Trustify: no supplier"],
      findings: { coverage: "complete", packages: 2 },
      link: expect.stringMatching(/\/sboms\/urn%3Auuid%3A/),
    });
    expect(service.requests[0]).toMatchObject({
      path: "/api/v3/sbom",
      query: {
        "labels.source": "build-watcher",
        "labels.namespace": "shop",
        "labels.build": "checkout-7",
        format: "cyclonedx",
        cache: "queue",
      },
    });
  });

  it("falls back to the older API, and remembers it", async () => {
    const service = await server({ api: "v2" });
    const trustify = analyzer(service.url);
    await trustify.submit(request, never);
    await trustify.submit(request, never);
    expect(service.requests.map(({ path }) => path)).toEqual(["/api/v3/sbom", "/api/v2/sbom", "/api/v2/sbom"]);
  });

  it.each([
    ["404", { status: 404, body: "" }],
    ["405", { status: 405, body: "" }],
    ["a web page", { status: 200, body: "<!doctype html>", headers: { "content-type": "text/html" } }],
  ])("goes to the older API where the newer one answers with %s", async (_, answer) => {
    const service = await server({ api: "v2" });
    service.fail("/api/v3/sbom", answer);
    expect(await analyzer(service.url).submit(request, never)).toMatchObject({ analyses: [{ cached: false }] });
    expect(service.documents).toHaveLength(1);
  });

  it("is sent again as CycloneDX 1.5 where 1.6 is not known", async () => {
    const service = await server({ cycloneDx: ["1.4", "1.5"] });
    const documents = documentsOf();
    await analyzer(service.url, documents).submit(request, never);
    expect(documents.wishes.map(({ cycloneDx }) => cycloneDx)).toEqual([undefined, "1.5"]);
    expect(JSON.parse(service.documents[0] ?? "")).toMatchObject({ specVersion: "1.5" });
  });

  it("gets the same id for the same document", async () => {
    const trustify = analyzer((await server()).url);
    const [first, second] = [await trustify.submit(request, never), await trustify.submit(request, never)];
    expect(first.analyses[0]?.id).toBe(second.analyses[0]?.id);
  });
});

describe("what Trustify found", () => {
  it("counts each vulnerability that affects the image once", async () => {
    const trustify = analyzer((await server()).url);
    const id = (await trustify.submit(request, never)).analyses[0]?.id ?? "";
    expect(await trustify.status?.(id, never)).toEqual({
      state: "succeeded",
      findings: { coverage: "complete", severities: { critical: 1, high: 0, medium: 0, low: 0, unknown: 1 } },
    });
  });

  it("is unknown for a document that is gone", async () => {
    const trustify = analyzer((await server()).url);
    await trustify.submit(request, never);
    expect(await trustify.status?.("urn:uuid:other", never)).toEqual({ state: "unknown" });
  });
});

describe("what Trustify refuses", () => {
  it.each([
    [400, { error: "Content", message: "invalid document" }, "AnalyzerRejected", false],
    [401, { error: "Unauthorized" }, "AnalyzerLogin", true],
    [403, { error: "Forbidden", message: "create.sbom" }, "AnalyzerLogin", true],
    [413, { error: "PayloadTooLarge" }, "AnalyzerRejected", false],
    [429, {}, "AnalyzerUnavailable", true],
    [503, { error: "Unavailable" }, "AnalyzerUnavailable", true],
  ])("%i is judged as what it means", async (status, body, reason, retryable) => {
    const service = await server();
    service.fail("/api/v3/sbom", { status, body });
    expect(await failureOf(analyzer(service.url).submit(request, never))).toMatchObject({ reason, retryable });
  });

  it("says which right the client lacks, and that a document is too large", async () => {
    const denied = await failureOf(analyzer((await server({ permissions: ["read.sbom"] })).url).submit(request, never));
    expect(denied).toMatchObject({ reason: "AnalyzerLogin", message: expect.stringContaining("create.sbom") });
    const large = await failureOf(analyzer((await server({ limit: 10 })).url).submit(request, never));
    expect(large).toMatchObject({
      reason: "AnalyzerRejected",
      retryable: false,
      message: expect.stringContaining("413: A payload"),
    });
    const service = await server();
    service.fail("/api/v3/sbom", { status: 413, body: "" });
    expect(await failureOf(analyzer(service.url).submit(request, never))).toMatchObject({ reason: "AnalyzerRejected" });
    expect(service.requests).toHaveLength(1);
  });

  it("takes SPDX as well", async () => {
    const service = await server();
    const text = '{"spdxVersion":"SPDX-2.3"}';
    await analyzer(service.url, documentsOf(2, { format: "spdx", text })).submit(request, never);
    expect([service.documents, service.requests[0]?.query.format]).toEqual([[text], "spdx"]);
  });

  it("is told apart from its user interface", async () => {
    const service = await server();
    const error = await failureOf(analyzer(`${service.url}/ui`).discover(never));
    expect(error).toMatchObject({
      reason: "AnalyzerUnavailable",
      message: expect.stringContaining("BUILD_WATCHER_TRUSTIFY_URL"),
    });
  });
});

describe("the login at Trustify", () => {
  it("asks for a token once, and again before it has expired", async () => {
    const service = await server({ client, tokenLife: 100 });
    const clock = fakeClock();
    const trustify = withLogin(service.url, { clock });
    const tokens = () => service.requests.filter(({ path }) => path.endsWith("/token")).length;
    await trustify.submit(request, never);
    await trustify.submit(request, never);
    expect(tokens()).toBe(1);
    await clock.advance(81_000);
    await trustify.submit(request, never);
    expect(tokens()).toBe(2);
  });

  it("asks again, once, when the token is refused", async () => {
    const service = await server({ client });
    const trustify = withLogin(service.url);
    await trustify.submit(request, never);
    service.revoke();
    await trustify.submit(request, never);
    expect(service.documents).toHaveLength(1);
  });

  it("says which setting is wrong, and shows no secret", async () => {
    const error = await failureOf(withLogin((await server({ client })).url, { secret: "WRONGSECRET" }).submit(request, never));
    expect(error).toMatchObject({ reason: "AnalyzerLogin", message: expect.stringContaining(setting) });
    expect(shown(error)).not.toContain("WRONGSECRET");
  });

  it("gives the client's secret to no other host than the issuer's", async () => {
    const service = await server({ client });
    service.fail("/realms/trustify/.well-known", { status: 200, body: { token_endpoint: "http://thief.example.com/token" } });
    const error = await failureOf(withLogin(service.url).submit(request, never));
    expect(error.message).toMatch(/another host.*BUILD_WATCHER_TRUSTIFY_ISSUER/);
  });
});
