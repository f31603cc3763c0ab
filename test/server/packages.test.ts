import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { Digest } from "../../src/core/images/image-reference.ts";
import type { ImageContent, InstalledPackage } from "../../src/inventory/inventory.ts";
import type { PackageStore } from "../../src/inventory/store/package-store.ts";
import { packContent } from "../../src/inventory/store/sqlite/packed-content.ts";
import { openThreadStore } from "../../src/inventory/store/sqlite/thread-store.ts";
import { openApi } from "../../src/server/openapi/openapi.ts";
import type { FoundPackages } from "../../src/server/packages/answer.ts";
import { openPageServer, type PageServer } from "../support/page-server.ts";
import { digestOf, job } from "./records.ts";

const log4j = (version: string, layer: number): InstalledPackage => ({
  ecosystem: "maven",
  group: "org.apache.logging.log4j",
  name: "log4j-core",
  version,
  layer,
  path: "app.jar",
});
const evil: InstalledPackage = { ecosystem: "npm", name: "<script>alert(1)</script>", version: "1.0.0", layer: 1, path: "x" };

function content(
  digest: Digest,
  layers: readonly string[],
  packages: readonly InstalledPackage[],
  rest: Partial<ImageContent> = {},
): ImageContent {
  return { digest, layers, packages, completeness: "complete", reasons: [], contentSets: [], ...rest };
}

describe("asking which images contain a package", () => {
  let page: PageServer;
  let store: PackageStore;
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "asking-"));
    store = await openThreadStore({ directory, layerCache: 1_000, clock: systemClock });
    page = await openPageServer({ packages: { known: store, specVersion: "1.6" } });
    const [base, app] = ["sha256:base", "sha256:app"];
    const keep = (name: string, packages: readonly InstalledPackage[], layers = [base, app], rest = {}) =>
      store.keepImage(digestOf(name), [packContent(content(digestOf(name), layers, packages, rest))], true);
    await keep("shop/golang-builder-7", [log4j("2.14.1", 0)], [base]);
    await keep("shop/web-1", [log4j("2.14.1", 0), log4j("2.13.0", 1)]);
    await keep("shop/web-2", [log4j("2.14.1", 0), evil]);
    await keep("shop/api-3", [log4j("2.14.1", 1)]);
    await keep("shop/api-4", [log4j("2.17.1", 1)], undefined, {
      completeness: "partial",
      reasons: ["app/<b>.jar: it is no zip archive"],
    });
    const made = (subject: string, completedAt: string, on?: string) =>
      job(subject, { completedAt, commit: "4f2d8b0cafe", ...(on && { on }) });
    page.work(async (job) => ({
      output: `registry.example:5000/${job.id}@${(job.output as { reference: { digest: string } }).reference.digest}`,
      analyses: [],
      notes: [],
    }));
    for (const one of [
      made("shop/golang-builder-7", "2026-11-01T00:00:00Z"),
      made("shop/web-1", "2026-11-02T00:00:00Z", "shop/golang-builder-7"),
      made("shop/web-2", "2026-11-03T00:00:00Z", "shop/golang-builder-7"),
      made("shop/api-3", "2026-11-02T00:00:00Z", "shop/golang-builder-7"),
      made("shop/api-4", "2026-11-04T00:00:00Z", "shop/golang-builder-7"),
    ])
      await page.queue.add(one);
    await page.queue.idle();
  });
  afterAll(async () => {
    await page[Symbol.asyncDispose]();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ $id: "api", components: openApi.components }, "api", undefined, false);
  const isDescribed = ajv.compile({ $ref: "api#/components/schemas/FoundPackages" });
  const ask = async (query: string) => {
    const answer = (await (await page.get(`/api/packages?${query}`)).json()) as FoundPackages;
    expect([isDescribed(answer), isDescribed.errors]).toEqual([true, null]);
    return answer;
  };

  it("names each BuildConfig with its newest build that has it, those that still have it first", async () => {
    const { groups, more, coverage } = await ask("name=log4j-core&version=2.14");
    expect(groups.map((group) => [group.subject, group.isCurrent, group.newest.build, group.older.length])).toEqual([
      ["shop/web", true, "web-2", 1],
      ["shop/golang-builder", true, "golang-builder-7", 0],
      ["shop/api", false, "api-3", 0],
    ]);
    expect([more, coverage]).toEqual([false, { complete: 4, partial: 1, unknown: 0 }]);
  });

  it("distinguishes an image's own layers from those of the base, and says where to fix it", async () => {
    const { groups } = await ask("name=org.apache.logging.log4j:log4j-core@<2.17");
    const web = groups.find(({ subject }) => subject === "shop/web");
    expect(web?.older[0]?.packages.map(({ version, origin }) => [version, origin])).toEqual([
      ["2.13.0", { kind: "own" }],
      ["2.14.1", { kind: "base", image: expect.stringContaining("golang-builder"), buildConfig: "shop/golang-builder" }],
    ]);
  });

  it("takes a package URL, and says what it cannot read", async () => {
    expect((await ask(`name=${encodeURIComponent("pkg:maven/org.apache.logging.log4j/log4j-core@2.17.1")}`)).groups).toHaveLength(
      1,
    );
    for (const query of ["", "name=", "name=x&version=1||2"]) expect((await page.get(`/api/packages?${query}`)).status).toBe(400);
    expect((await ask("name=nothing")).groups).toEqual([]);
  });

  it("is a page that escapes outside names", async () => {
    const found = await (await page.get("/packages?q=log4j-core%402.14")).text();
    for (const text of ["shop/web", "2.14.1", "fix it in", "shop/golang-builder", "1 older build", "1 only in part"])
      expect(found).toContain(text);
    const hostile = await (await page.get(`/packages?q=${encodeURIComponent("<script>alert(1)</script>")}`)).text();
    expect(hostile).not.toContain("<script>alert");
    expect((await page.get("/packages?q=a%40%3C")).status).toBe(400);
    expect(await (await page.get("/packages")).text()).toContain("Which images contain it?");
    for (const path of ["/", "/packages", `/jobs/${job("shop/web-2").id}`])
      expect(await (await page.get(path)).text()).toContain('<a href="/packages">Packages</a>');
  });

  it("a job's page shows its packages, what changed since the build before, and what its base brought", async () => {
    const text = await (await page.get(`/jobs/${job("shop/web-2").id}`)).text();
    for (const part of ["1 package of the base image, 1 of its own", "2 differences to", "web-1", "Bill of materials"])
      expect(text).toContain(part);
    expect(text).not.toContain("<script>alert");
    const partial = await (await page.get(`/jobs/${job("shop/api-4").id}`)).text();
    for (const part of ["not all: part of the image could not be read", "app/&lt;b&gt;.jar: it is no zip archive"])
      expect(partial).toContain(part);
  });

  it("a job's document is there for programs", async () => {
    const answer = await page.get(`/api/jobs/${job("shop/web-2").id}/sbom`);
    expect(answer.headers.get("content-type")).toContain("application/vnd.cyclonedx+json");
    expect(await answer.json()).toMatchObject({
      bomFormat: "CycloneDX",
      metadata: { component: { version: digestOf("shop/web-2") } },
    });
    expect((await page.get("/api/jobs/none/sbom")).status).toBe(404);
  });
});

it("a bot that reads no packages says so", async () => {
  await using page = await openPageServer();
  expect(await (await page.get("/packages?q=x")).text()).toContain("reads no packages");
  expect(await (await page.get("/")).text()).not.toContain("/packages");
  expect((await page.get("/api/packages?name=x")).status).toBe(404);
});
