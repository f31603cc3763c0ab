import { afterEach, describe, expect, it } from "vitest";
import { createHttpEndpoint, type EndedRequest, type HttpEndpoint } from "../../../src/analyzers/http/http.ts";
import { readStatus } from "../../../src/analyzers/results/thoth-status.ts";
import { thothService } from "../../../src/analyzers/service.ts";
import { createThothAnalyzer, thothUrl } from "../../../src/analyzers/thoth.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { strictNock } from "../../support/strict-nock.ts";

const nock = strictNock();
const never = new AbortController().signal;
const ended = "2023-05-04T10:00:00Z";
let endpoint: HttpEndpoint;
let requests: EndedRequest[];

function ask(id: string) {
  requests = [];
  const onRequest = (request: EndedRequest) => requests.push(request);
  endpoint = createHttpEndpoint({
    url: thothUrl("user-api.example.com"),
    service: thothService,
    verifyTls: true,
    timeout: 5000,
    clock: systemClock,
    onRequest,
  });
  return createThothAnalyzer({ endpoint, debug: false, force: false }).status?.(id, never);
}

afterEach(() => endpoint?.close());

describe("the status of an analysis", () => {
  it.each([
    ["pending", null, { state: "running" }],
    ["running", null, { state: "running" }],
    ["Running", undefined, { state: "running" }],
    ["success", ended, { state: "succeeded", endedAt: Date.parse(ended) }],
    ["succeeded", null, { state: "succeeded" }],
    ["Succeeded", "yesterday", { state: "succeeded" }],
    ["error", ended, { state: "failed", reason: "it ended as error", endedAt: Date.parse(ended) }],
    ["failed", null, { state: "failed", reason: "it ended as failed" }],
    ["mystery", null, { state: "running" }],
    ["mystery", ended, { state: "failed", reason: "it ended as mystery", endedAt: Date.parse(ended) }],
  ])("%s, finished %s, is read as %j", (state, finished_at, expected) => {
    expect(readStatus({ status: { state, reason: null, finished_at } })).toEqual(expected);
  });

  it("has the service's reason for a failure, shortened", () => {
    expect(readStatus({ status: { state: "error", reason: "OOMKilled" } })).toEqual({ state: "failed", reason: "OOMKilled" });
    expect(readStatus({ status: { state: "error", reason: "x".repeat(9_999) } }).reason).toHaveLength(500);
  });

  it.each([{}, { status: null }, { status: "success" }, { status: {} }, { status: { state: 1 } }, { status: { state: "" } }])(
    "%j breaks the contract",
    (json) => {
      expect(() => readStatus(json)).toThrow("names no state of the analysis");
    },
  );
});

describe("asking Thoth", () => {
  const api = nock;

  it("names the analysis in the path, and finds the link", async () => {
    const status = { state: "running", reason: null, started_at: ended, finished_at: null };
    api("https://user-api.example.com")
      .get("/api/v1/analyze/package%2Fextract-1/status")
      .reply(200, { status, parameters: {} }, { "X-Thoth-Search-Ui-Url": "https://search.example.com/" });
    expect(await ask("package/extract-1")).toEqual({ state: "running", link: "https://search.example.com/" });
    expect(requests).toEqual([{ method: "GET", status: 200, milliseconds: expect.any(Number) }]);
  });

  it("takes 404 for an answer", async () => {
    api("https://user-api.example.com").get("/api/v1/analyze/gone/status").reply(404, { error: "unknown" });
    expect(await ask("gone")).toEqual({ state: "unknown" });
  });

  it.each([
    [503, "AnalyzerUnavailable"],
    [500, "AnalyzerFailed"],
    [302, "AnalyzerUnavailable"],
    [400, "AnalyzerRejected"],
  ])("fails at %i with %s", async (status, reason) => {
    api("https://user-api.example.com").get("/api/v1/analyze/a/status").reply(status, {});
    await expect(ask("a")).rejects.toMatchObject({ name: "JobError", reason });
    expect(requests).toMatchObject([{ status }]);
  });

  it("reports a request without an answer", async () => {
    api("https://user-api.example.com")
      .get("/api/v1/analyze/a/status")
      .replyWithError(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
    await expect(ask("a")).rejects.toMatchObject({ reason: "AnalyzerUnavailable" });
    expect(requests).toEqual([{ method: "GET", status: undefined, milliseconds: expect.any(Number) }]);
  });
});
