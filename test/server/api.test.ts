import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { JobError } from "../../src/core/jobs/errors.ts";
import type { JobResult } from "../../src/queue/job-queue.ts";
import { openApi } from "../../src/server/openapi/openapi.ts";
import { openPageServer, type PageServerOptions } from "../support/page-server.ts";
import { digestOf, job } from "./records.ts";

const ajv = new Ajv2020({ strict: true, formats: { "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ } });
ajv.addVocabulary(["components"]);
ajv.addSchema({ $id: "api", components: openApi.components }, "api", undefined, false);

type Paths = Readonly<Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, unknown>> }>>>>;

/** What the document says of an answer; throws when it says nothing. */
function described(method: string, path: string, status: number): object {
  const pattern = path.replace(/\?.*/, "").replace(/^(\/api\/jobs\/)[^/]+/, "$1{id}");
  const response = (openApi.paths as unknown as Paths)[pattern]?.[method.toLowerCase()]?.responses[String(status)];
  if (!response) throw new Error(`${method} ${pattern} is not described to answer ${status}`);
  const { schema } = (response as { content: { "application/json": { schema: object } } }).content["application/json"];
  return JSON.parse(JSON.stringify(schema).replaceAll("#/components", "api#/components"));
}

/** What the answers hold, as far as it is looked at. */
interface Told {
  readonly id: string;
  readonly jobs: readonly { readonly id: string; readonly state: string; readonly subject: string }[];
  readonly next?: string;
  readonly chain: { readonly first: object };
  readonly tracked: readonly {
    readonly buildConfig: string;
    readonly build?: string;
    readonly state?: string;
    readonly jobs: readonly object[];
  }[];
}

const result: JobResult = {
  output: `quay.io/copies/web@${digestOf("copy")}`,
  base: "docker.io/library/golang:1.12",
  analyses: [
    { of: "output", id: "a-1", cached: false, state: "succeeded", endedAt: 5 },
    { of: "base", id: "a-2", cached: true },
  ],
  copiedAt: 1,
  submittedAt: 2,
  notes: ["a note"],
  link: "https://thoth.example/search",
};

/** A server with a job in most states. Every answer is held against the document. */
async function serve(options: PageServerOptions = {}) {
  const server = await openPageServer({ track: ["shop/web", "bank/never", "unseen"], workers: 5, ...options });
  onTestFinished(() => server[Symbol.asyncDispose]());
  await server.queue.add(job("shop/base-1"));
  await server.queue.add(
    job("shop/web-1", {
      on: "shop/base-1",
      origin: "https://git.example/w",
      commit: "abc",
      trigger: "Image change",
      completedAt: "2024-01-01T00:00:00Z",
    }),
  );
  await server.queue.add(job("shop/web-2"));
  await server.queue.add(job("bank/api-1"));
  await server.queue.add(job("bank/api-2"));
  await server.queue.dismiss(job("bank/api-2").id);
  const held = Promise.withResolvers<never>();
  onTestFinished(() => held.reject(new Error("over")));
  server.work(async ({ build, analyzer }) => {
    if (build?.name === "web-2" || analyzer === "rhacs") throw new JobError("ImageNotFound", "gone");
    if (build?.name === "api-1") throw new JobError("RegistryUnavailable", "503", { retryAfter: 60_000 });
    if (build?.name === "base-1") return held.promise;
    return result;
  });
  const waitFor = async () => {
    const { done, failed, running } = await server.queue.counts();
    return done + failed + running === 3 && (await server.queue.find(job("bank/api-1").id))?.attempts === 1;
  };
  while (!(await waitFor())) await new Promise((resolve) => setImmediate(resolve));

  async function call(
    method: "GET" | "POST",
    path: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
  ) {
    const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = method === "GET" ? await server.get(path, headers) : await server.post(path, { ...json, ...headers }, text);
    const value = (await answer.json()) as Told;
    const validate = ajv.compile(described(method, path, answer.status));
    expect(validate(value) ? [] : validate.errors, `${method} ${path} answers ${JSON.stringify(value)}`).toEqual([]);
    return { status: answer.status, value, headers: answer.headers };
  }
  return { ...server, call };
}

const idOf = (subject: string) => job(subject).id;

describe("the API", () => {
  it("describes itself", async () => {
    const { get } = await serve();
    expect(await (await get("/api/openapi.json")).json()).toEqual(JSON.parse(JSON.stringify(openApi)));
  });

  it("says of every call who can make it", () => {
    for (const [path, calls] of Object.entries(openApi.paths))
      for (const [verb, { description }] of Object.entries(calls as Record<string, { description?: string }>))
        expect(description, `${verb} ${path}`).toMatch(verb === "get" ? /Needs no token/ : /Needs BUILD_WATCHER_API_TOKEN/);
  });

  it("lists jobs in every state as described", async () => {
    const { call } = await serve();
    const { value } = await call("GET", "/api/jobs");
    expect(new Set(value.jobs.map(({ state }) => state))).toEqual(new Set(["done", "failed", "waiting", "running", "dismissed"]));
    expect(value.jobs.find(({ id }) => id === idOf("shop/web-1"))).toMatchObject({
      subject: "shop/web-1",
      job: { cause: "build", base: `registry.example:5000/shop/base@${digestOf("shop/base-1")}` },
      result: { link: "https://thoth.example/search", submittedAt: "1970-01-01T00:00:00.002Z" },
    });
  });

  it.each([
    ["state=failed", ["shop/web-2"]],
    ["namespace=bank&state=waiting", ["bank/api-1"]],
    ["text=web", ["shop/web-1", "shop/web-2"]],
    ["namespace=nowhere", []],
  ])("narrows the list to %s", async (query, subjects) => {
    const { call } = await serve();
    const { value } = await call("GET", `/api/jobs?${query}`);
    expect(value.jobs.map(({ subject }) => subject).sort()).toEqual(subjects);
    expect(value.next).toBeUndefined();
  });

  it("hands out pages, each job once", async () => {
    const { call } = await serve();
    const ids: string[] = [];
    for (let next = ""; ids.length < 10; ) {
      const { value } = await call("GET", `/api/jobs?limit=2${next && `&before=${encodeURIComponent(next)}`}`);
      ids.push(...value.jobs.map(({ id }) => id));
      if (value.next === undefined) break;
      next = value.next;
    }
    expect(new Set(ids).size).toBe(5);
    expect(ids).toHaveLength(5);
  });

  it.each(["-1", "x", "1e9", "99999999"])("takes no limit of %s", async (limit) => {
    const { call } = await serve();
    const { value } = await call("GET", `/api/jobs?limit=${limit}`);
    expect(value.jobs.length).toBeGreaterThan(0);
  });

  it("shows a job with its chain", async () => {
    const { call } = await serve();
    const { value } = await call("GET", `/api/jobs/${idOf("shop/web-1")}`);
    expect(value.chain.first).toMatchObject({ build: "base-1", madeOnIt: [{ build: "web-1", madeOnIt: [] }] });
    expect((await call("GET", "/api/jobs/unknown")).status).toBe(404);
  });

  it("says which BuildConfigs are followed, with their last build, image and analysis", async () => {
    const { call } = await serve();
    const { value } = await call("GET", "/api/tracked");
    expect(value.tracked.map(({ buildConfig, build, state }) => [buildConfig, build, state])).toEqual([
      ["bank/api", "api-2", "dismissed"],
      ["shop/base", "base-1", "running"],
      ["shop/web", "web-2", "failed"],
      ["bank/never", undefined, undefined],
      ["unseen", undefined, undefined],
    ]);
  });

  it("shows the worst of a BuildConfig's jobs, whichever analyzer came last", async () => {
    const { call, queue } = await serve();
    const first = job("shop/cart-1");
    const further = (analyzer: string) => ({ ...first, id: `${first.id}-${analyzer}`, group: first.id, analyzer });
    for (const one of [first, further("rhacs"), further("trustify")]) await queue.add(one);
    await expect
      .poll(async () => (await queue.ofGroups([first.id])).map(({ state }) => state))
      .toEqual(["done", "failed", "done"]);
    const { value } = await call("GET", "/api/tracked");
    expect(value.tracked.find(({ buildConfig }) => buildConfig === "shop/cart")).toMatchObject({
      state: "failed",
      outcome: "failed",
      jobs: [
        { analyzer: "rhacs", outcome: "failed" },
        { analyzer: "thoth", outcome: "analysed" },
        { analyzer: "trustify", outcome: "analysed" },
      ],
    });
  });

  it("shows every image of a run that made several, and distinguishes kinds with the same name", async () => {
    const { call, queue } = await serve({ track: ["Pipeline:cart", "Task:cart"] });
    const run = { kind: "PipelineRun", namespace: "shop", name: "cart-run", uid: "r-1" };
    const ofRun = (name: string) => ({
      ...job(name),
      id: `build-r-1-${name.slice(5)}`,
      build: run,
      buildConfig: "Pipeline:shop/cart",
    });
    await queue.add(job("shop/cart-1"));
    for (const name of ["shop/api-1", "shop/web-1"]) await queue.add(ofRun(name));
    const { value } = await call("GET", "/api/tracked");
    const tracked = value.tracked.filter(({ buildConfig }) => buildConfig.includes("cart"));
    expect(tracked.map(({ buildConfig }) => buildConfig)).toEqual(["Pipeline:shop/cart", "shop/cart", "Task:cart"]);
    expect(tracked[0]?.jobs).toHaveLength(2);
    expect(tracked[0]?.jobs).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: "build-r-1-web-1", image: expect.stringContaining("web@") })]),
    );
    expect((await call("GET", "/api/jobs/build-r-1-web-1")).value).toMatchObject({ job: { build: { kind: "PipelineRun" } } });
  });

  it("shows the bot's status", async () => {
    const { call, activity } = await serve({ namespaces: [undefined], ready: { ok: false, because: ["not listed yet"] } });
    activity.see({ kind: "synced", namespace: undefined, startedAt: 0 });
    activity.see({ kind: "trouble", namespace: undefined, reason: "Forbidden", message: "Grant it", retryIn: 0 });
    const { value } = await call("GET", "/api/status");
    expect(value).toMatchObject({
      namespaces: ["*"],
      ready: false,
      notReadyBecause: ["not listed yet"],
      troubles: [{ namespace: "*", message: "Grant it" }],
      jobs: { waiting: 1, running: 1, done: 1, failed: 1, dismissed: 1 },
      lastHour: { done: 1, failed: 1, analysesFailed: 0 },
    });
  });
});

describe("changes by the API", () => {
  it("retry and dismiss jobs, or say why not", async () => {
    const { call, queue } = await serve();
    expect((await call("POST", `/api/jobs/${idOf("shop/web-2")}/dismiss`)).value).toEqual({ id: idOf("shop/web-2") });
    expect((await queue.find(idOf("shop/web-2")))?.state).toBe("dismissed");
    expect((await call("POST", `/api/jobs/${idOf("shop/web-2")}/retry`)).status).toBe(200);
    expect((await call("POST", `/api/jobs/${idOf("shop/base-1")}/retry`)).status).toBe(409);
    expect((await call("POST", `/api/jobs/${idOf("shop/web-1")}/dismiss`)).status).toBe(409);
    expect((await call("POST", "/api/jobs/unknown/retry")).status).toBe(404);
  });

  it("take images in, each digest once and a tag every time", async () => {
    const { call, queue } = await serve();
    const pinned = { image: `quay.io/org/tool@${digestOf("tool")}` };
    const first = await call("POST", "/api/jobs", { body: pinned });
    expect(first).toMatchObject({ status: 202, value: { result: "added" } });
    expect((await queue.find(first.value.id))?.job.cause).toBe("webhook");
    expect(await call("POST", "/api/jobs", { body: pinned })).toMatchObject({
      status: 200,
      value: { result: "already-known", id: first.value.id },
    });
    const covered = { image: `registry.example:5000/shop/web@${digestOf("shop/web-1")}` };
    expect((await call("POST", "/api/jobs", { body: covered })).value).toEqual({
      result: "already-known",
      id: idOf("shop/web-1"),
      ids: [idOf("shop/web-1")],
    });
    for (let time = 0; time < 2; time += 1) {
      const { status, value } = await call("POST", "/api/jobs", { body: { image: "quay.io/org/tool:latest" } });
      expect(status).toBe(202);
      while ((await queue.find(value.id))?.state !== "done") await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it.each([
    ["no image", {}],
    ["a number", { image: 7 }],
    ["no reference", { image: "Not An Image" }],
    ["a list", []],
    ["null", null],
    ["broken JSON", "{"],
  ])("refuse a body with %s", async (_name, body) => {
    const { post, queue } = await serve();
    const before = (await queue.recent(100)).length;
    const answer = await post(
      "/api/jobs",
      { "content-type": "application/json" },
      typeof body === "string" ? body : JSON.stringify(body),
    );
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: string }).error).toEqual(expect.any(String));
    expect(await queue.recent(100)).toHaveLength(before);
  });

  it("refuse a form and a body out of all proportion", async () => {
    const { post } = await serve();
    expect((await post("/api/jobs", { "content-type": "text/plain" }, '{"image":"a/b"}')).status).toBe(400);
    const large = JSON.stringify({ image: "x".repeat(100_000) });
    expect((await post("/api/jobs", { "content-type": "application/json" }, large)).status).toBe(413);
  });

  it("need the token where one is set", async () => {
    const { call, queue } = await serve({ access: { apiToken: "s3cret" } });
    const path = `/api/jobs/${idOf("shop/web-2")}/dismiss`;
    const refused = await call("POST", path);
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect((await call("POST", path, { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
    expect((await queue.find(idOf("shop/web-2")))?.state).toBe("failed");
    expect((await call("POST", path, { headers: { authorization: "Bearer s3cret" } })).status).toBe(200);
    expect((await call("GET", "/api/jobs")).status).toBe(200);
  });
});
