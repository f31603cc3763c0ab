import { describe, expect, it } from "vitest";
import { createHarborScannerAnalyzer, harborScannerLogin, harborScannerService } from "../../src/analyzers/harbor-scanner.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createHarborScanner, type HarborScannerOptions } from "../../src/demo/services/harbor-scanner.ts";
import { digest, endpointAt, failureOf, listening, never, request, secretFile, shown } from "../support/analyzers.ts";

const output = { ...request.output, login: { user: "robot", password: "TOPSECRET" } };

function scanner(options: HarborScannerOptions = {}) {
  return listening(createHarborScanner(options));
}

function analyzer(url: string, secret?: string) {
  const login = secret === undefined ? undefined : harborScannerLogin(secretFile(secret));
  return createHarborScannerAnalyzer({ endpoint: endpointAt(`${url}/api/v1`, harborScannerService), login, clock: systemClock });
}

describe("a scan by Harbor's scanner API", () => {
  it("is started by digest, with the registry's own login", async () => {
    const service = await scanner();
    const submission = await analyzer(service.url).submit({ ...request, output }, never);
    expect(submission).toMatchObject({ analyses: [{ of: "output", id: expect.any(String) }], notes: [] });
    const [metadata, scan] = service.requests;
    expect(metadata?.path).toBe("/api/v1/metadata");
    expect(JSON.parse(scan?.body ?? "")).toEqual({
      registry: { url: "https://quay.example.com", authorization: `Basic ${btoa("robot:TOPSECRET")}` },
      artifact: {
        repository: "shop/checkout",
        digest,
        tag: "1.8.3",
        mime_type: "application/vnd.oci.image.manifest.v1+json",
      },
      enabled_capabilities: [
        { type: "vulnerability", produces_mime_types: ["application/vnd.security.vulnerability.report; version=1.1"] },
      ],
    });
  });

  it("is running as long as the report redirects to itself, and says when to ask again", async () => {
    const service = await scanner();
    const harbor = analyzer(service.url);
    const { analyses } = await harbor.submit(request, never);
    const id = analyses[0]?.id ?? "";
    expect(await harbor.status?.(id, never)).toEqual({ state: "running", retryAfter: 1000 });
    expect(await harbor.status?.(id, never)).toEqual({
      state: "succeeded",
      findings: {
        coverage: "complete",
        severities: { critical: 1, high: 0, medium: 0, low: 1, unknown: 0 },
        fixable: 1,
      },
    });
  });

  it.each([
    ["3", 3000],
    ["0", 1000],
    ["86400", 300_000],
    ["soon", 5000],
  ])("asks again after %j seconds, within reason", async (value, expected) => {
    const service = await scanner();
    const harbor = analyzer(service.url);
    const id = (await harbor.submit(request, never)).analyses[0]?.id ?? "";
    service.fail("/api/v1/scan/", { status: 302, headers: { location: "/", "refresh-after": value } });
    expect(await harbor.status?.(id, never)).toMatchObject({ retryAfter: expected });
  });

  it("is asked for again if the adapter lost it", async () => {
    const service = await scanner({ refusals: 0 });
    const harbor = analyzer(service.url);
    const id = (await harbor.submit(request, never)).analyses[0]?.id ?? "";
    service.forget();
    expect(await harbor.status?.(id, never)).toEqual({ state: "running" });
    expect(await harbor.status?.(id, never)).toMatchObject({ state: "succeeded" });
  });

  it("has failed when the adapter lost it twice, or failed at it twice", async () => {
    const service = await scanner();
    const harbor = analyzer(service.url);
    const id = (await harbor.submit(request, never)).analyses[0]?.id ?? "";
    service.fail("/api/v1/scan/", { status: 500, body: { error: { message: "running trivy: exit 1" } } }, 2);
    expect(await harbor.status?.(id, never)).toEqual({ state: "running" });
    expect(await harbor.status?.(id, never)).toMatchObject({ state: "failed" });
  });

  it("takes no vulnerabilities for none", async () => {
    const service = await scanner({ refusals: 0, vulnerabilities: null });
    const harbor = analyzer(service.url);
    const id = (await harbor.submit(request, never)).analyses[0]?.id ?? "";
    expect((await harbor.status?.(id, never))?.findings).toMatchObject({ coverage: "complete", fixable: 0 });
  });

  it("needs a digest", async () => {
    const { digest: _, ...reference } = output.reference;
    const error = await failureOf(
      analyzer((await scanner()).url).submit({ ...request, output: { ...output, reference } }, never),
    );
    expect(error).toMatchObject({ reason: "AnalyzerRejected", retryable: false });
  });
});

describe("the registry's login", () => {
  it("is in no error, even where the adapter repeats it", async () => {
    const service = await scanner();
    service.fail("/api/v1/scan", { status: 422, body: { error: { message: `bad Basic ${btoa("robot:TOPSECRET")} TOPSECRET` } } });
    const error = await failureOf(analyzer(service.url).submit({ ...request, output }, never));
    expect(shown(error)).not.toMatch(/TOPSECRET|cm9ib3Q/);
    expect(error).toMatchObject({ reason: "AnalyzerRejected" });
  });
});

describe("what an adapter refuses", () => {
  it.each([
    [400, "AnalyzerRejected", false],
    [401, "AnalyzerLogin", true],
    [422, "AnalyzerRejected", false],
    [429, "AnalyzerUnavailable", true],
    [500, "AnalyzerFailed", true],
    [501, "AnalyzerFailed", true],
    [503, "AnalyzerUnavailable", true],
  ])("%i is judged as what it means", async (status, reason, retryable) => {
    const service = await scanner();
    service.fail("/api/v1/scan", { status, body: { error: { message: "so it is" } } });
    const error = await failureOf(analyzer(service.url).submit(request, never));
    expect(error).toMatchObject({ reason, retryable, message: expect.stringContaining("so it is") });
  });
});

describe("what an adapter refuses of a report", () => {
  it.each([
    [400, "AnalyzerRejected", false],
    [415, "AnalyzerRejected", false],
    [501, "AnalyzerFailed", true],
  ])("%i is judged as what it means", async (status, reason, retryable) => {
    const service = await scanner();
    const harbor = analyzer(service.url);
    const id = (await harbor.submit(request, never)).analyses[0]?.id ?? "";
    service.fail("/api/v1/scan/", { status, body: { error: { message: "so it is" } } });
    const asked = harbor.status?.(id, never) ?? Promise.resolve();
    expect(await failureOf(asked)).toMatchObject({ reason, retryable, message: expect.stringContaining("so it is") });
  });

  it("takes a token as the password of a Basic login, which older ones know alone", async () => {
    const service = await scanner();
    await analyzer(service.url).submit(
      { ...request, output: { ...output, login: { user: "serviceaccount", password: "a.b.c" } } },
      never,
    );
    expect(JSON.parse(service.requests.at(-1)?.body ?? "").registry.authorization).toBe(`Basic ${btoa("serviceaccount:a.b.c")}`);
  });
});

describe("asking whether an adapter is there", () => {
  it.each(["Basic dXNlcjpwYXNz", "Bearer token-1", "key-1"])("logs in with %j", async (secret) => {
    const service = await scanner({ authorization: secret });
    await analyzer(service.url, secret).discover(never);
    expect(await failureOf(analyzer(service.url).discover(never))).toMatchObject({ reason: "AnalyzerLogin" });
  });

  it("refuses one that makes SBOMs alone", async () => {
    const service = await scanner({ capabilities: [{ type: "sbom", produces_mime_types: [] }] });
    expect(await failureOf(analyzer(service.url).discover(never))).toMatchObject({
      message: expect.stringMatching(/does not find vulnerabilities/),
    });
  });

  it("takes a capability without a type for one of vulnerabilities", async () => {
    const capabilities = [
      {
        consumes_mime_types: ["application/vnd.docker.distribution.manifest.v2+json"],
        produces_mime_types: ["application/vnd.scanner.adapter.vuln.report.harbor+json;version=1.0"],
      },
    ];
    await analyzer((await scanner({ capabilities })).url).discover(never);
  });
});
