import { describe, expect, it, onTestFinished } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { JobError } from "../../src/core/jobs/errors.ts";
import { imageJob } from "../../src/core/jobs/job.ts";
import type { JobHandler, JobResult } from "../../src/queue/job-queue.ts";
import { openPageServer, type PageServerOptions } from "../support/page-server.ts";
import { digestOf, job } from "./records.ts";

const nothing: JobResult = { analyses: [], notes: [] };

async function serve(options: PageServerOptions = {}) {
  const server = await openPageServer(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const textOf = async (path: string) => (await server.get(path, { accept: "text/html" })).text();
  const run = async (handle: JobHandler) => {
    server.work(handle);
    await server.queue.idle();
  };
  return { ...server, textOf, run };
}

/** The names of the jobs in the list, in its order. */
function listed(page: string): string[] {
  return [...page.matchAll(/class="subject"[^>]*><bdi>([^<]*)/g)].map(([, name]) => name ?? "");
}

describe("every page", () => {
  it.each(["/", "/jobs/unknown", "/nowhere", "/assets/style.css", "/api/jobs", "/livez"])(
    "%s is not cached, framed, sniffed or scripted from elsewhere",
    async (path) => {
      const { get } = await serve();
      const { headers } = await get(path);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      );
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("same-origin");
      expect(headers.get("x-powered-by")).toBeNull();
    },
  );

  it("has no inline script, style or handler", async () => {
    const { textOf, queue } = await serve();
    await queue.add(job("shop/web-1", { on: "shop/base-1" }));
    for (const path of ["/", `/jobs/${job("shop/web-1").id}?log`, "/nowhere"]) {
      const page = await textOf(path);
      expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i);
      expect(page.match(/<script[^>]*>[^<]*<\/script>/g)).toEqual(['<script type="module" src="/assets/live.js"></script>']);
    }
  });

  it("is found by its assets' types", async () => {
    const { get } = await serve();
    expect((await get("/assets/style.css")).headers.get("content-type")).toContain("text/css");
    expect((await get("/assets/live.js")).headers.get("content-type")).toContain("text/javascript");
    expect((await get("/assets/base.css")).status).toBe(404);
    expect((await get("/assets/..%2fserver.ts")).status).toBe(404);
  });

  it("answers 404 with a page for browsers and JSON for programs, without internal details", async () => {
    const { get } = await serve({
      queue: {
        look: () => {
          throw new Error("secret at /var/lib/ledger.db");
        },
      },
      report: () => undefined,
    });
    const inHtml = await get("/nowhere", { accept: "text/html" });
    expect(inHtml.status).toBe(404);
    expect(await inHtml.text()).toContain("There is nothing here.");
    expect(await (await get("/api/nowhere")).json()).toEqual({ error: "There is nothing here." });
    for (const path of ["/api/jobs", "/?state=failed"]) {
      const broken = await get(path);
      expect(broken.status).toBe(500);
      expect(await broken.text()).not.toMatch(/secret|ledger\.db| at |node:/);
    }
  });

  it("logs its own errors, and not those of callers", async () => {
    const faults: unknown[] = [];
    const fault = new Error("no ledger");
    const { get, post } = await serve({
      queue: {
        find: () => {
          throw fault;
        },
      },
      report: (error) => faults.push(error),
    });
    await get("/jobs/x");
    await get("/%ff");
    await post("/api/jobs", { "content-type": "application/json" }, "{");
    expect(faults).toEqual([fault]);
  });

  it("is refused to a name by which other sites reach this machine", async () => {
    const { url } = await serve();
    const { request } = await import("node:http");
    const status = await new Promise((resolve) => {
      request(url, { headers: { host: "evil.example" } }, (response) => resolve(response.resume().statusCode)).end();
    });
    expect(status).toBe(421);
  });
});

describe("the overview", () => {
  it("shows what is watched, the queue and the endpoint", async () => {
    const server = await serve({ namespaces: ["shop", "bank", "mint"], track: ["shop/web"] });
    server.activity.see({
      kind: "trouble",
      namespace: "bank",
      reason: "Forbidden",
      message: "Grant view to the bot",
      retryIn: 0,
    });
    await Promise.all([1, 2, 3].map((number) => server.queue.add(job(`shop/web-${number}`))));
    await server.run(async ({ build }) => {
      if (build?.name === "web-1") throw new JobError("AnalyzerRejected", "400 no");
      return { ...nothing, analyses: [{ of: "output", id: "a-1", cached: false }] };
    });
    const page = await server.textOf("/");
    for (const words of [
      "Partly watching",
      "Namespace bank is not watched",
      "Grant view to the bot",
      "and 2 more",
      "only 1 BuildConfig",
      "Answering",
      "nothing waits",
      "Retry all failed",
    ]) {
      expect(page).toContain(words);
    }
    expect(page).toContain(
      "Jobs: 2 submitted, 1 failed; Namespace bank is not watched; Refused by the analysis service in namespace shop: 1 job failed",
    );
    expect(page).toContain("Jobs ended in the last hour, by minute: 2 done, 1 failed");
    expect(page).toContain("<title>▲ Namespace bank is not watched · build-watcher</title>");
  });

  it.each([
    [{ ready: { ok: false, because: ["Builds of shop: not listed yet"] } } as const, "/", "The builds are being listed."],
    [{}, "/", "No jobs yet."],
    [{}, "/?state=failed", "No jobs match these filters."],
    [{}, "/?before=unknown", "No jobs match these filters."],
  ])("of a bot without jobs, %j at %s, says why there is nothing: %s", async (options, path, words) => {
    const { textOf } = await serve(options);
    expect(await textOf(path)).toContain(words);
  });
});

describe("the list", () => {
  it("shows a job's build, image, way, failure and remedy", async () => {
    const server = await serve();
    await server.queue.add(job("shop/web-1", { trigger: "Image change", commit: "0123456789abcdef" }));
    await server.run(async () => {
      throw new JobError("ImageNotFound", "manifest unknown");
    });
    const page = await server.textOf("/");
    for (const words of [
      ">web-1<",
      ">shop/web<",
      "Image change",
      "01234567<",
      `web@${digestOf("shop/web-1").slice(7, 19)}`,
      `registry.example:5000/shop/web@${digestOf("shop/web-1")}`,
      "✕</span> failed",
      "Image not found<",
      "manifest unknown",
      "The image is gone from its registry",
    ])
      expect(page).toContain(words);
  });

  it("counts, names and lists failed analyses, which can be submitted again or dismissed", async () => {
    const server = await serve();
    for (const number of [1, 2, 3]) await server.queue.add(job(`shop/web-${number}`));
    await server.run(async ({ build }) => ({
      ...nothing,
      analyses: [{ of: "output", id: "a-1", cached: false, state: build?.name === "web-3" ? "succeeded" : "failed" }],
    }));
    const page = await server.textOf("/");
    for (const words of [
      "2 analyses failed, 2 of 3 in the last hour",
      '<b>3</b> submitted, <span class="failed"><b>2</b> analyses failed',
      "<title>build-watcher · 2 failed</title>",
      "Retry all failed",
    ])
      expect(page).toContain(words);
    const failed = await server.textOf("/?outcome=analysis-failed");
    expect(listed(failed).sort()).toEqual(["web-1", "web-2"]);
    expect(failed).toContain("Analysis failed jobs");
    const id = (name: string) => encodeURIComponent(job(name).id);
    expect(failed).toContain(`action="/jobs/${id("shop/web-1")}/retry"`);
    expect(await server.queue.dismiss(job("shop/web-1").id)).toBe(true);
    expect(await server.queue.dismiss(job("shop/web-3").id)).toBe(false);
    expect(listed(await server.textOf("/?outcome=analysis-failed"))).toEqual(["web-2"]);
  });

  it("links to the analysis, but only to web addresses", async () => {
    const server = await serve();
    const links = ["https://thoth.example/search?a=1&b=2", "javascript:alert(1)", "data:text/html,x"];
    await Promise.all(links.map((_link, number) => server.queue.add(job(`shop/web-${number}`))));
    await server.run(async ({ build }) => ({ ...nothing, link: links[Number(build?.name.at(-1))] ?? "" }));
    const page = await server.textOf("/");
    expect(page).toContain('href="https://thoth.example/search?a=1&amp;b=2"');
    expect(page).not.toMatch(/href="(javascript|data:text)/);
  });

  it("shows images alone by their last name and where they came from", async () => {
    const { queue, textOf } = await serve();
    await queue.add(imageJob(parseImageReference(`quay.io/org/tool@${digestOf("tool")}`), "scan", "thoth"));
    const page = await textOf("/");
    expect(listed(page)[0]).toContain(`tool@${digestOf("tool").slice(7, 19)}`);
    expect(page).toContain("from an image stream");
  });

  it.each([
    ["/?state=failed", ["web-1"]],
    ["/?namespace=bank", ["api-1"]],
    ["/?text=API", ["api-1"]],
    [`/?text=${digestOf("shop/web-2")}`, ["web-2"]],
    ["/?state=done&namespace=shop", ["web-2"]],
    ["/?text=manifest+unknown", ["web-1"]],
    ["/?state=nonsense&namespace=&text=", ["web-2", "web-1", "api-1"]],
  ])("%s shows %j", async (path, names) => {
    const server = await serve();
    await Promise.all(["shop/web-1", "shop/web-2", "bank/api-1"].map((subject) => server.queue.add(job(subject))));
    await server.run(async ({ build }) => {
      if (build?.name === "web-1") throw new JobError("ImageNotFound", "manifest unknown");
      return nothing;
    });
    expect(listed(await server.textOf(path)).sort()).toEqual(names.toSorted());
  });

  it("goes back page by page, each job once, with its filter", async () => {
    const { queue, textOf } = await serve();
    for (let number = 0; number < 120; number += 1) await queue.add(job(`shop/web-${number}`));
    const names: string[] = [];
    let path: string | undefined = "/?state=waiting";
    for (let pages = 0; path !== undefined && pages < 5; pages += 1) {
      const page = await textOf(path);
      names.push(...listed(page));
      path = /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&");
      if (path !== undefined) expect(path).toContain("state=waiting");
    }
    expect(names).toHaveLength(120);
    expect(new Set(names).size).toBe(120);
    expect(names.slice(0, 2)).toEqual(["web-119", "web-118"]);
  });

  it("keeps the search in its form, as text", async () => {
    const { textOf } = await serve();
    const page = await textOf("/?text=%22%3E%3Cscript%3E&namespace=%22x");
    expect(page).toContain('value="&quot;&gt;&lt;script&gt;"');
    expect(page).toContain('value="&quot;x"');
  });
});

describe("a job's page", () => {
  it("shows everything that is recorded", async () => {
    const server = await serve();
    const result: JobResult = {
      output: `quay.io/copies/web@${digestOf("copy")}`,
      analyses: [{ of: "output", id: "package-extract-1", cached: true, state: "succeeded", endedAt: 1 }],
      notes: ["Base image left out: it is gone"],
      copiedAt: 1,
      submittedAt: 2,
      link: "https://thoth.example/search",
    };
    const one = job("shop/web-1", {
      origin: "https://git.example/web.git",
      commit: "abc123",
      trigger: "Manually triggered",
      on: "shop/base-1",
    });
    await server.queue.add(one);
    await server.run(async () => result);
    const page = await server.textOf(`/jobs/${one.id}`);
    for (const words of [
      "shop/web-1",
      "https://git.example/web.git",
      "abc123",
      "Manually triggered",
      digestOf("shop/base-1"),
      digestOf("copy"),
      "package-extract-1",
      "✓ succeeded",
      "already known to the service",
      "Base image left out",
      "https://thoth.example/search",
      one.id,
    ])
      expect(page).toContain(words);
  });

  it("reads the log's end from the cluster only when asked", async () => {
    const asked: unknown[] = [];
    const readBuildLog: PageServerOptions["readBuildLog"] = async (build) => {
      asked.push(build.name);
      if (build.name === "web-2") throw new JobError("ClusterUnavailable", "the API server answered 503");
      return build.name === "web-1" ? "STEP 1\n<b>Push successful" : undefined;
    };
    const { queue, textOf } = await serve({ readBuildLog });
    for (const number of [1, 2, 3]) await queue.add(job(`shop/web-${number}`));
    const path = (number: number) => `/jobs/${job(`shop/web-${number}`).id}`;
    expect(await textOf(path(1))).toContain("Show its end");
    expect(asked).toEqual([]);
    expect(await textOf(`${path(1)}?log=1`)).toContain("STEP 1\n&lt;b&gt;Push successful");
    expect(await textOf(`${path(2)}?log=1`)).toContain("The log cannot be read now: the API server answered 503");
    expect(await textOf(`${path(3)}?log=1`)).toContain("no longer has a log of this build");
  });

  it("shows the chain across build systems, with the kind of each run", async () => {
    const { textOf, queue } = await serve();
    await queue.add(job("mixed/builder-1"));
    const run = job("mixed/run-1", { on: "mixed/builder-1", buildConfig: "Pipeline:mixed/run" });
    const build = { kind: "PipelineRun", namespace: "mixed", name: "run-1", uid: "r" };
    await queue.add({ ...run, build });
    const page = await textOf(`/jobs/${run.id}`);
    const chain = page.slice(page.indexOf('class="chain"'), page.indexOf('id="log"'));
    expect([...chain.matchAll(/<bdi>([^<]*)/g)].map(([, name]) => name)).toEqual(["builder-1", "run-1", "PipelineRun"]);
    expect(page).toContain("<dt>PipelineRun</dt>");
    expect(page).toContain("<dt>Pipeline</dt>");
    expect(await textOf("/?config=Pipeline%3Amixed%2Frun")).toContain(`<span class="tag kind"><bdi>PipelineRun</bdi>`);
  });

  it("shows the chain: which build made its base, and which were made on it", async () => {
    const { queue, textOf } = await serve();
    await queue.add(
      job("chain/builder-1", { base: { kind: "stream-tag", namespace: "openshift", stream: "golang", tag: "1.12" } }),
    );
    await queue.add(job("chain/app-1", { on: "chain/builder-1" }));
    await queue.add(job("chain/small-1", { on: "chain/app-1" }));
    await queue.add(job("chain/small-2", { on: "chain/app-1" }));
    await queue.add(job("chain/other-1", { on: "chain/elsewhere-1" }));
    const page = await textOf(`/jobs/${job("chain/app-1").id}`);
    const chain = page.slice(page.indexOf('class="chain"'), page.indexOf('id="log"'));
    expect([...chain.matchAll(/<bdi>([^<]*)/g)].map(([, name]) => name)).toEqual([
      "golang:1.12",
      "openshift/golang:1.12",
      "builder-1",
      "app-1",
      "small-2",
      "small-1",
    ]);
    expect(chain).toContain('<b aria-current="true"><bdi>app-1</bdi></b>');
    expect(chain).toContain(`href="/jobs/${job("chain/small-1").id}"`);
    expect(chain).not.toContain("other-1");
  });

  it("shows in the chain which builds only take files from an image", async () => {
    const { queue, textOf } = await serve();
    const elsewhere = { kind: "stream-tag" as const, namespace: "openshift", stream: "tools", tag: "1" };
    await queue.add(job("files/app-1", { inputs: [elsewhere] }));
    const { output } = job("files/app-1");
    await queue.add(job("files/small-1", { inputs: output ? [output] : [] }));
    const words = async (name: string) => {
      const page = await textOf(`/jobs/${job(name).id}`);
      const chain = page.slice(page.indexOf('class="chain"'), page.indexOf('id="log"'));
      return [...chain.matchAll(/<bdi>([^<]*)|(based on|takes files from[^<]*)/g)].map(([, text, how]) => text ?? how);
    };
    for (const name of ["files/app-1", "files/small-1"]) {
      expect(await words(name)).toEqual([
        "takes files from",
        expect.anything(),
        "openshift/tools:1",
        "app-1",
        "small-1",
        "takes files from it",
      ]);
    }
  });

  it("says so when there is no such job", async () => {
    const { get } = await serve();
    const answer = await get("/jobs/build-unknown", { accept: "text/html" });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("No such job");
  });
});

it("moves probes to their own port where one is set", async () => {
  const { get, adminUrl, url } = await serve({ admin: { host: "127.0.0.1", port: 0 } });
  expect(adminUrl).not.toBe(url);
  expect((await get("/livez")).status).toBe(404);
  expect((await get("/")).status).toBe(200);
  expect((await fetch(`${adminUrl}/livez`)).status).toBe(200);
  expect((await fetch(`${adminUrl}/`)).status).toBe(404);
  await expect(openPageServer({ admin: { host: "127.0.0.1", port: Number(new URL(url).port) } })).rejects.toThrow(
    "set BUILD_WATCHER_ADMIN_PORT to a free port",
  );
});
