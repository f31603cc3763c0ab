import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { AnalysisRequest } from "../../src/analyzers/analyzer.ts";
import { createHttpEndpoint, type HttpEndpoint } from "../../src/analyzers/http/http.ts";
import { thothService } from "../../src/analyzers/service.ts";
import { createThothAnalyzer, thothUrl } from "../../src/analyzers/thoth.ts";
import { systemClock } from "../../src/core/clock.ts";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { strictNock } from "../support/strict-nock.ts";

const nock = strictNock();
const api = "https://user-api.example.com";
const output = { reference: parseImageReference(`registry.example.com/shop/cart@sha256:${"1".repeat(64)}`), verifyTls: true };
const base = { reference: parseImageReference("quay.io/base/node:24"), verifyTls: false };
const accepted = { analysis_id: "package-extract-1", cached: false, parameters: {} };
const never = new AbortController().signal;
let endpoint: HttpEndpoint;

function analyzer(
  settings: { debug?: boolean; force?: boolean; environmentType?: "runtime" | "buildtime" } = {},
  timeout = 5000,
) {
  endpoint = createHttpEndpoint({
    url: thothUrl("user-api.example.com"),
    service: thothService,
    verifyTls: true,
    timeout,
    clock: systemClock,
  });
  return createThothAnalyzer({ endpoint, debug: false, force: false, ...settings });
}

async function failure(request: AnalysisRequest): Promise<Error> {
  return analyzer()
    .submit(request, never)
    .then(
      () => expect.unreachable("it was accepted"),
      (error: Error) => error,
    );
}

afterEach(() => endpoint?.close());

describe("an image alone", () => {
  it("goes to /analyze with everything as query parameters and an empty body", async () => {
    nock(api)
      .post("/api/v1/analyze", "")
      .query({
        image: `registry.example.com/shop/cart@sha256:${"1".repeat(64)}`,
        verify_tls: "true",
        origin: "https://git.example.com/cart",
      })
      .reply(202, accepted, { "X-Thoth-Search-Ui-Url": "https://search.example.com/" });
    const submission = await analyzer().submit({ jobId: "j", output, origin: "https://git.example.com/cart" }, never);
    expect(submission).toEqual({
      analyzer: "thoth",
      analyses: [{ of: "output", id: "package-extract-1", cached: false }],
      notes: [],
      link: "https://search.example.com/",
    });
  });

  it("takes its login along, and the settings that are on", async () => {
    nock(api)
      .post("/api/v1/analyze")
      .query((query) => {
        expect(query).toMatchObject({
          registry_user: "me",
          registry_password: "p&ss w=rd",
          debug: "true",
          force: "true",
          environment_type: "buildtime",
        });
        return true;
      })
      .reply(202, accepted);
    const settings = { debug: true, force: true, environmentType: "buildtime" } as const;
    await analyzer(settings).submit({ jobId: "j", output: { ...output, login: { user: "me", password: "p&ss w=rd" } } }, never);
  });
});

describe("a build", () => {
  it("goes to /build-analysis with each image's own login", async () => {
    nock(api)
      .post("/api/v1/build-analysis", {
        base_image: "quay.io/base/node:24",
        output_image: `registry.example.com/shop/cart@sha256:${"1".repeat(64)}`,
        build_log: { kind: "BuildLog", apiversion: "build.openshift.io/v1", log: "STEP 1", metadata: null },
      })
      .query({
        output_registry_user: "me",
        output_registry_password: "secret",
        output_registry_verify_tls: "true",
        base_registry_verify_tls: "false",
      })
      .reply(202, {
        output_image_analysis: { analysis_id: "a-1", cached: true },
        base_image_analysis: { analysis_id: "a-2", cached: false },
        buildlog_analysis: { analysis_id: "a-3", cached: false },
      });
    const request = { jobId: "j", output: { ...output, login: { user: "me", password: "secret" } }, base, buildLog: "STEP 1" };
    expect((await analyzer().submit(request, never)).analyses).toEqual([
      { of: "output", id: "a-1", cached: true },
      { of: "base", id: "a-2", cached: false },
      { of: "build-log", id: "a-3", cached: false },
    ]);
  });

  it("is submitted again without the base image that the service cannot read, and says so", async () => {
    nock(api)
      .post("/api/v1/build-analysis", (body) => body.base_image === "quay.io/base/node:24")
      .query(true)
      .reply(400, { error: "base manifest unknown", parameters: {} });
    nock(api).post("/api/v1/analyze").query(true).reply(202, accepted);
    const submission = await analyzer().submit({ jobId: "j", output, base }, never);
    expect(submission.notes).toEqual([
      expect.stringMatching(/without the base image quay\.io\/base\/node:24.*base manifest unknown/),
    ]);
  });

  it("that has only a refused base image fails for good", async () => {
    nock(api).post("/api/v1/build-analysis").query(true).reply(403, { error: "no access" });
    expect(await failure({ jobId: "j", base })).toMatchObject({ reason: "AnalyzerRejected", retryable: false });
  });

  it("is not tried without its base image when the endpoint is merely down", async () => {
    nock(api).post("/api/v1/build-analysis").query(true).reply(503, "down", { "Retry-After": "7" });
    expect(await failure({ jobId: "j", output, base })).toMatchObject({ reason: "AnalyzerUnavailable", retryAfter: 7000 });
  });
});

describe("an answer outside the contract", () => {
  it.each([
    ["no JSON", "<html>welcome</html>"],
    ["a JSON list", "[]"],
    ["no analysis_id", "{}"],
    ["an empty analysis_id", '{"analysis_id": ""}'],
    ["an analysis_id that is no text", '{"analysis_id": 7}'],
  ])("is tried again when it is %s", async (_, body) => {
    nock(api).post("/api/v1/analyze").query(true).reply(202, body);
    nock(api).get("/api/v1").reply(200, {});
    expect(await failure({ jobId: "j", output })).toMatchObject({ reason: "AnalyzerProtocol", retryable: true });
  });

  it("is cut off when it is endless", async () => {
    nock(api)
      .post("/api/v1/analyze")
      .query(true)
      .reply(202, "x".repeat(2 * 1024 * 1024));
    nock(api).get("/api/v1").reply(200, {});
    expect(await failure({ jobId: "j", output })).toMatchObject({ reason: "AnalyzerProtocol" });
  });

  it.each([
    ["a refusal", 404],
    ["an answer that is no JSON", 202],
    ["a method it does not know", 501],
    ["a proxy's denial", 403],
    ["a TLS port's complaint", 400],
  ])("pauses everything instead of failing the job when %s comes from another server than the API", async (_, status) => {
    nock(api).post("/api/v1/analyze").query(true).reply(status, "<html>welcome</html>");
    nock(api).get("/api/v1").reply(404, "<html>not here</html>");
    expect(await failure({ jobId: "j", output })).toMatchObject({
      reason: "AnalyzerUnavailable",
      message: expect.stringContaining("THOTH_USER_API_HOST"),
    });
  });

  it("stays the job's own when the API is there", async () => {
    nock(api).post("/api/v1/analyze").query(true).reply(404, { error: "no such image" });
    nock(api).get("/api/v1").reply(200, {});
    expect(await failure({ jobId: "j", output })).toMatchObject({ reason: "AnalyzerRejected", retryable: false });
  });
});

describe("an answer that takes too long", () => {
  it.each<readonly [string, () => AsyncIterable<string>]>([
    ["never begins to have a body", () => drops(0)],
    ["comes drop by drop", () => drops(Number.POSITIVE_INFINITY)],
  ])("is not waited for, and tried again, when it %s", async (_, body) => {
    nock(api)
      .post("/api/v1/analyze")
      .query(true)
      .reply(202, () => Readable.from(body()));
    const error = await analyzer({}, 100)
      .submit({ jobId: "j", output }, never)
      .catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ reason: "AnalyzerFailed", message: expect.stringContaining("in time") });
  });
});

/** So many drops of an answer, and then silence. */
async function* drops(count: number): AsyncIterable<string> {
  for (let drop = 0; drop < count; drop += 1) {
    yield " ";
    await pause(10);
  }
  await new Promise(() => undefined);
}

describe("a password", () => {
  const secret = { ...output, login: { user: "me", password: "TOPSECRET" } };

  it.each([
    [
      "the service repeats it",
      () => nock(api).post("/api/v1/analyze").query(true).reply(400, { error: "bad password TOPSECRET" }),
    ],
    [
      "the connection fails",
      () =>
        nock(api)
          .post("/api/v1/analyze")
          .query(true)
          .replyWithError(Object.assign(new Error("boom"), { code: "ECONNRESET" })),
    ],
    [
      "the service redirects",
      () =>
        nock(api)
          .post("/api/v1/analyze")
          .query(true)
          .reply(302, "", { Location: "https://x.example.com/?registry_password=TOPSECRET" }),
    ],
  ])("is in no part of the error when %s", async (_, arrange) => {
    arrange();
    const error = await failure({ jobId: "j", output: secret });
    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack, cause: error.cause })).not.toContain(
      "TOPSECRET",
    );
  });
});

describe("discovery", () => {
  it("accepts an endpoint that serves v1", async () => {
    nock(api).get("/api/v1").reply(200, { paths: [] });
    await analyzer().discover(never);
  });

  it("says that there is no User API and which setting to check", async () => {
    nock(api).get("/api/v1").reply(404, "nope");
    const error = await analyzer()
      .discover(never)
      .catch((thrown: Error) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(/no User API at https:\/\/user-api\.example\.com\/api\/v1.*THOTH_USER_API_HOST/),
    });
  });
});

describe("thothUrl", () => {
  it.each([
    ["user-api.example.com", "https://user-api.example.com/api/v1"],
    ["user-api.example.com:8443", "https://user-api.example.com:8443/api/v1"],
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1"],
    ["https://example.com/thoth/", "https://example.com/thoth/api/v1"],
    ["https://example.com/api/v1", "https://example.com/api/v1"],
  ])("makes %s into %s", (host, expected) => {
    expect(thothUrl(host)).toBe(expected);
  });
});
