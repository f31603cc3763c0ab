import { describe, expect, it } from "vitest";
import { createDependencyTrackAnalyzer, type ProjectTemplates } from "../../src/analyzers/dependency-track.ts";
import { fileLogin } from "../../src/analyzers/http/login.ts";
import { dependencyTrackService } from "../../src/analyzers/results/dependency-track-metrics.ts";
import { createDependencyTrack, type DependencyTrackOptions } from "../../src/demo/services/dependency-track.ts";
import {
  digest,
  documentsOf,
  endpointAt,
  failureOf,
  listening,
  never,
  request,
  secretFile,
  shown,
} from "../support/analyzers.ts";

const key = "odt_SECRETKEY";
const usual: ProjectTemplates = { name: "{repository}", version: "{tag|digest12}", tags: ["build-watcher", "ns:{namespace}"] };

function server(options: Partial<DependencyTrackOptions> = {}) {
  return listening(createDependencyTrack({ keys: [key], ...options }));
}

function analyzer(
  url: string,
  { documents = documentsOf(), project = usual, secret = key, frontend = undefined as string | undefined } = {},
) {
  const login = fileLogin(secretFile(secret), "BUILD_WATCHER_DEPENDENCY_TRACK_KEY_FILE", (value) => ({ "x-api-key": value }));
  return createDependencyTrackAnalyzer({
    endpoint: endpointAt(url, dependencyTrackService),
    login,
    documents,
    project,
    frontend,
  });
}

describe("an upload to Dependency-Track", () => {
  it("puts the document into a version of a project of its own", async () => {
    const service = await server();
    const submission = await analyzer(service.url, { frontend: "https://dtrack.example.com" }).submit(request, never);
    expect(submission).toMatchObject({
      analyzer: "dependency-track",
      notes: [],
      findings: { coverage: "complete", packages: 2 },
    });
    expect(submission.link).toMatch(/^https:\/\/dtrack\.example\.com\/projects\/[0-9a-f-]{36}$/);
    const body = JSON.parse(service.requests.find(({ path }) => path === "/api/v1/bom")?.body ?? "");
    expect(body).toMatchObject({
      projectName: "shop/checkout",
      projectVersion: "1.8.3",
      autoCreate: true,
      isLatest: true,
      projectTags: [{ name: "build-watcher" }, { name: "ns:shop" }],
    });
    expect(service.boms[0]?.bom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
  });

  it("is named by the templates, by digest if there is no tag", async () => {
    const service = await server();
    const { tag: _, ...reference } = request.output.reference;
    const project = { ...usual, name: "{registry}/{repository}", parent: "{namespace}", tags: [] };
    await analyzer(service.url, { project }).submit({ ...request, output: { reference, verifyTls: true } }, never);
    const body = JSON.parse(service.requests.find(({ path }) => path === "/api/v1/bom")?.body ?? "");
    expect(body).toMatchObject({
      projectName: "quay.example.com/shop/checkout",
      projectVersion: digest.slice(7, 19),
      parentName: "shop",
    });
  });

  it("goes as a file where it is too long for JSON", async () => {
    const service = await server();
    const text = JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", padding: "x".repeat(16_000_000) });
    await analyzer(service.url, { documents: documentsOf(2, { text }) }).submit(request, never);
    expect(service.requests.find(({ path }) => path === "/api/v1/bom")?.method).toBe("POST");
    expect(service.boms).toMatchObject([{ projectName: "shop/checkout", projectVersion: "1.8.3" }]);
  });

  it("waits for the one before it of the same version, and for no other", async () => {
    const service = await server();
    const dependencyTrack = analyzer(service.url);
    await Promise.all(Array.from({ length: 5 }, () => dependencyTrack.submit(request, never)));
    expect(service.boms).toHaveLength(5);
    service.fail("/api/v1/bom", { status: 500, body: "" });
    await failureOf(dependencyTrack.submit(request, never));
    await dependencyTrack.submit(request, never);
    expect(service.boms).toHaveLength(6);
  });
});

describe("what Dependency-Track found", () => {
  const findings = {
    coverage: "complete",
    severities: { critical: 1, high: 2, medium: 3, low: 4, unknown: 5 },
    policyViolations: 2,
    packages: 2,
  };

  it("is read when the upload was worked through (version 5)", async () => {
    const service = await server({ rounds: 2 });
    const dependencyTrack = analyzer(service.url);
    const id = (await dependencyTrack.submit(request, never)).analyses[0]?.id ?? "";
    expect(await dependencyTrack.status?.(id, never)).toEqual({ state: "running" });
    expect(await dependencyTrack.status?.(id, never)).toEqual({ state: "running" });
    expect(await dependencyTrack.status?.(id, never)).toEqual({ state: "succeeded", findings });
  });

  it("is refreshed if it is older than the upload (version 4)", async () => {
    const service = await server({ version: "4.14.3", rounds: 0 });
    const dependencyTrack = analyzer(service.url);
    const id = (await dependencyTrack.submit(request, never)).analyses[0]?.id ?? "";
    expect(await dependencyTrack.status?.(id, never)).toEqual({ state: "running" });
    expect(service.requests.at(-1)?.path).toMatch(/\/refresh$/);
    expect(await dependencyTrack.status?.(id, never)).toEqual({ state: "succeeded", findings });
  });

  it("is partial where it stays old, rather than asked for for ever", async () => {
    const service = await server({ version: "4.14.3", rounds: 0 });
    service.fail("/api/v1/metrics/project/", { status: 200, body: { ...oldMetrics } }, 100);
    const dependencyTrack = analyzer(service.url);
    const id = (await dependencyTrack.submit(request, never)).analyses[0]?.id ?? "";
    for (let round = 0; round < 5; round += 1) {
      expect(await dependencyTrack.status?.(id, never)).toEqual({ state: "running" });
    }
    expect(await dependencyTrack.status?.(id, never)).toMatchObject({
      state: "succeeded",
      findings: { coverage: "partial", why: expect.stringContaining("older") },
    });
  });
  const oldMetrics = { critical: 0, components: 2, lastOccurrence: 1 };

  it("is not there yet while there are no metrics", async () => {
    const service = await server({ rounds: 0 });
    const dependencyTrack = analyzer(service.url);
    const id = (await dependencyTrack.submit(request, never)).analyses[0]?.id ?? "";
    service.fail("/api/v1/metrics/", { status: 204 });
    expect(await dependencyTrack.status?.(id, never)).toEqual({ state: "running" });
  });

  it("is unknown if the project is empty", async () => {
    const service = await server({ rounds: 0, metrics: { components: 0, critical: 0 } });
    const dependencyTrack = analyzer(service.url);
    const id = (await dependencyTrack.submit(request, never)).analyses[0]?.id ?? "";
    expect((await dependencyTrack.status?.(id, never))?.findings).toEqual({ coverage: "unknown", why: expect.any(String) });
  });
});

describe("what Dependency-Track refuses", () => {
  const problem = {
    status: 400,
    title: "The uploaded BOM is invalid",
    detail: "Schema validation failed",
    errors: ["$.version: wrong"],
  };
  it.each<readonly [number, object | string, string, boolean, RegExp]>([
    [400, problem, "AnalyzerRejected", false, /invalid.*Schema validation failed.*\$\.version: wrong/],
    [400, "A collection project cannot have a BOM", "AnalyzerRejected", false, /collection project/],
    [401, "", "AnalyzerLogin", true, /BUILD_WATCHER_DEPENDENCY_TRACK_KEY_FILE/],
    [401, "The principal does not have permission to create project.", "AnalyzerRejected", false, /permission to create/],
    [403, "Access to the specified project is forbidden", "AnalyzerRejected", false, /forbidden/],
    [404, "The parent component could not be found.", "AnalyzerRejected", false, /parent/],
    [409, "", "AnalyzerFailed", true, /409/],
    [500, "", "AnalyzerFailed", true, /500/],
    [503, "", "AnalyzerUnavailable", true, /503/],
  ])("%i %j is judged as what it means", async (status, body, reason, retryable, words) => {
    const service = await server();
    service.fail("/api/v1/bom", { status, body });
    const error = await failureOf(analyzer(service.url).submit(request, never));
    expect(error).toMatchObject({ reason, retryable, message: expect.stringMatching(words) });
    expect(shown(error)).not.toContain(key);
  });
});

describe("a key of Dependency-Track that lacks a right", () => {
  it.each([
    [["VIEW_PORTFOLIO"], "submit", /answered 403/],
    [["BOM_UPLOAD", "VIEW_PORTFOLIO"], "submit", /permission to create project/],
    [["BOM_UPLOAD", "PROJECT_CREATION_UPLOAD"], "status", /answered 403/],
  ] as const)("%j fails to %s", async (permissions, what, words) => {
    const service = await server({ permissions, rounds: 0 });
    const dependencyTrack = analyzer(service.url);
    const submitted = dependencyTrack.submit(request, never);
    const asked = what === "submit" ? submitted : dependencyTrack.status?.((await submitted).analyses[0]?.id ?? "", never);
    expect(await failureOf(Promise.resolve(asked))).toMatchObject({
      reason: "AnalyzerRejected",
      message: expect.stringMatching(words),
    });
  });
});

describe("asking whether Dependency-Track is there", () => {
  it("is content with a key that may upload", async () => {
    await analyzer((await server()).url).discover(never);
  });

  it("names the right that is missing", async () => {
    const service = await server({ permissions: ["VIEW_PORTFOLIO"] });
    expect((await failureOf(analyzer(service.url).discover(never))).message).toMatch(/lacks BOM_UPLOAD/);
  });

  it("reports an unknown key", async () => {
    const error = await failureOf(analyzer((await server()).url, { secret: "odt_other" }).discover(never));
    expect(error).toMatchObject({ reason: "AnalyzerLogin", message: expect.stringContaining("KEY_FILE") });
  });

  it("reports another server", async () => {
    const service = await server();
    service.fail("/api/version", { status: 200, body: { application: "Something else" } });
    expect(await failureOf(analyzer(service.url).discover(never))).toMatchObject({
      message: expect.stringContaining("BUILD_WATCHER_DEPENDENCY_TRACK_URL"),
    });
  });
});
