import { describe, expect, it } from "vitest";
import { appImage, baseImage, startAnalysis } from "../../support/analysis.ts";
import { digestOf } from "../../support/fixtures.ts";

describe("the analysis service", () => {
  it("tells its version, and where to look results up, on every answer", async () => {
    const { ask } = await startAnalysis({ searchUi: "https://thoth.example.com/search" });
    for (const path of ["", "/analyze/unknown/status"]) {
      const { headers } = await ask(path);
      expect(headers.get("x-thoth-version")).toBeTruthy();
      expect(headers.get("x-user-api-service-version")).toBeTruthy();
      expect(headers.get("x-thoth-search-ui-url")).toBe("https://thoth.example.com/search");
    }
    expect((await ask("")).status).toBe(200);
  });

  it("accepts an image and remembers how it was submitted", async () => {
    const { api, analyze } = await startAnalysis();
    const query = {
      image: appImage,
      registry_user: "me",
      registry_password: "secret",
      verify_tls: "false",
      environment_type: "runtime",
    };
    const { status, body } = await analyze(query);
    expect(status).toBe(202);
    expect(body).toEqual({ analysis_id: expect.stringMatching(/^package-extract-/), cached: false, parameters: query });
    expect(api.submissions).toEqual([{ endpoint: "analyze", query, at: expect.any(Number) }]);
  });

  it("answers the same image again from memory, unless forced or for another environment", async () => {
    const { api, analyze } = await startAnalysis();
    const first = await analyze({ image: appImage });
    const again = await analyze({ image: appImage, origin: "https://git.example.com/shop" });
    const forced = await analyze({ image: appImage, force: "true" });
    const other = await analyze({ image: appImage, environment_type: "buildtime" });
    expect(again.body).toMatchObject({ analysis_id: first.body.analysis_id, cached: true });
    expect([forced.body.cached, other.body.cached]).toEqual([false, false]);
    expect(new Set([first, forced, other].map(({ body }) => body.analysis_id)).size).toBe(3);
    expect(api.submissions).toHaveLength(4);
  });

  it("accepts a build with its images and log, each with an id of its own", async () => {
    const { api, analyze, analyzeBuild } = await startAnalysis();
    const single = await analyze({ image: appImage });
    const body = {
      base_image: baseImage,
      output_image: appImage,
      build_log: { kind: "BuildLog", apiversion: "build.openshift.io/v1", log: "done" },
    };
    const answer = await analyzeBuild(body, { output_registry_user: "me", output_registry_password: "secret" });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      base_image_analysis: { analysis_id: expect.any(String), cached: false },
      output_image_analysis: { analysis_id: single.body.analysis_id, cached: true },
      buildlog_analysis: { analysis_id: expect.any(String), cached: false },
      buildlog_document_id: expect.any(String),
    });
    expect(api.submissions.at(-1)).toMatchObject({ endpoint: "build-analysis", body });
  });

  it("leaves null what a build was submitted without", async () => {
    const { analyzeBuild } = await startAnalysis();
    expect((await analyzeBuild({ output_image: appImage, base_image: null })).body).toMatchObject({
      base_image_analysis: null,
      output_image_analysis: { cached: false },
      buildlog_analysis: null,
      buildlog_document_id: null,
    });
  });

  it.each([
    [{}, "Missing query parameter 'image'"],
    [{ image: appImage, registry_user: "me" }, "have to be supplied together"],
    [{ image: appImage, registry_password: "secret" }, "have to be supplied together"],
    [{ image: appImage, verify_tls: "maybe" }, "expected 'boolean' for 'verify_tls'"],
    [{ image: appImage, environment_type: "production" }, "'production' is not one of"],
    [{ image: appImage, color: "red" }, "color not in spec"],
    [{ image: "Registry/Has Spaces" }, "invalid reference format"],
    [{ image: `registry.example.com/app:1@${digestOf("x")}` }, "both a tag and digest"],
  ])("refuses the image query %j", async (query, error) => {
    const { api, analyze } = await startAnalysis();
    const { status, body } = await analyze(query as Record<string, string>);
    expect([status, body]).toEqual([400, { error: expect.stringContaining(error), parameters: query }]);
    expect([api.submissions.length, api.received]).toEqual([0, 1]);
  });

  it.each([
    [{}, {}, "No base, output nor build log provided"],
    [{ base_image: null, output_image: null, build_log: null }, {}, "No base, output nor build log provided"],
    [[], {}, "no JSON object"],
    [{ output_image: appImage, image: appImage }, {}, "'image' was unexpected"],
    [{ output_image: appImage, build_log: {} }, {}, "'log' is a required property"],
    [{ output_image: appImage }, { base_registry_user: "me" }, "have to be supplied together"],
    [{ output_image: appImage }, { output_registry_password: "secret" }, "have to be supplied together"],
    [{ output_image: appImage }, { registry_user: "me", registry_password: "secret" }, "registry_user not in spec"],
    [{ base_image: "a b", output_image: appImage }, {}, "invalid reference format"],
  ])("refuses the build %j with query %j", async (body, query, error) => {
    const { analyzeBuild } = await startAnalysis();
    const answer = await analyzeBuild(body, query as Record<string, string>);
    expect([answer.status, answer.body.error]).toEqual([400, expect.stringContaining(error)]);
  });

  it("fails a whole build for the first image it cannot read: the base image, then the output image", async () => {
    const { api, analyze, analyzeBuild } = await startAnalysis();
    api.unreadable(baseImage, "base: manifest unknown");
    api.unreadable(appImage, "output: unauthorized", 403);
    const both = await analyzeBuild({ base_image: baseImage, output_image: appImage });
    const output = await analyzeBuild({ output_image: appImage });
    const alone = await analyze({ image: appImage });
    expect([both.status, both.body.error]).toEqual([400, "base: manifest unknown"]);
    expect([output.status, output.body.error]).toEqual([403, "output: unauthorized"]);
    expect([alone.status, alone.body.error]).toEqual([403, "output: unauthorized"]);
    expect(api.submissions).toEqual([]);
  });
});

describe("an analysis", () => {
  it("is pending, runs and ends, and then has a result", async () => {
    const { ask, analyze } = await startAnalysis();
    const { analysis_id: id } = (await analyze({ image: appImage })).body;
    const states: unknown[] = [];
    expect((await ask(`/analyze/${id}`)).status).toBe(202);
    for (const _ of [1, 2, 3, 4]) states.push((await ask(`/analyze/${id}/status`)).body.status);
    expect(states).toMatchObject([
      { state: "pending", started_at: null, finished_at: null },
      { state: "running", finished_at: null },
      { state: "success", finished_at: expect.any(String) },
      { state: "success" },
    ]);
    const result = await ask(`/analyze/${id}`);
    expect([result.status, result.body]).toEqual([200, expect.objectContaining({ result: { image: appImage } })]);
    expect(await ask(`/analyze/by-hash/${digestOf("app")}`)).toMatchObject({
      status: 200,
      body: { result: { image: appImage } },
    });
    expect((await ask(`/analyze/${id}/log`)).body.log).toContain(appImage);
  });

  it("can end as the test wants it", async () => {
    const { ask, analyze } = await startAnalysis({ states: ["error"] });
    const { analysis_id: id } = (await analyze({ image: appImage })).body;
    expect((await ask(`/analyze/${id}/status`)).body.status).toMatchObject({ state: "error", finished_at: expect.any(String) });
  });

  it.each([
    "/analyze/unknown",
    "/analyze/unknown/status",
    "/analyze/unknown/log",
    `/analyze/by-hash/${digestOf("x")}`,
    "/elsewhere",
  ])("nobody started is 404: %s", async (path) => {
    const { ask } = await startAnalysis();
    expect((await ask(path)).status).toBe(404);
  });
});
