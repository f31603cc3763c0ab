import { describe, expect, it } from "vitest";
import { planJobs } from "../../src/core/jobs/job.ts";
import { type Build, classifyBuild } from "../../src/sources/openshift-builds.ts";
import { aBuild } from "../support/fixtures.ts";

const policy = {
  outputImage: true,
  baseImage: true,
  buildLog: true,
  analyzers: [{ name: "thoth", readsLogs: true }],
  failedBuilds: true,
  track: [],
  matchesLabels: () => true,
} as const;

type Change = (build: ReturnType<typeof aBuild>) => unknown;

function jobOf(change: Change): string {
  const build = structuredClone(aBuild({ name: "cart-1", namespace: "shop" }));
  return JSON.stringify(planJobs(classifyBuild(Object.assign(build, change(build))), policy));
}

const long = "x".repeat(540_000);

describe("a Build whose texts are someone's own", () => {
  it.each<[string, Change]>([
    ["git URI", ({ spec }) => ({ spec: { ...spec, source: { git: { uri: `https://git.example.com/${long}` } } } })],
    ["commit", ({ spec }) => ({ spec: { ...spec, revision: { git: { commit: long } } } })],
    ["trigger", ({ spec }) => ({ spec: { ...spec, triggeredBy: [{ message: long }] } })],
    ["registry", ({ status }) => ({ status: { ...status, outputDockerImageReference: `${"a.".repeat(270_000)}b/x/y:z` } })],
    ["repository", ({ status }) => ({ status: { ...status, outputDockerImageReference: `quay.io/${long}` } })],
    [
      "stream",
      ({ spec }) => ({
        spec: { ...spec, strategy: { sourceStrategy: { from: { kind: "ImageStreamTag", name: `${long}:1` } } } },
      }),
    ],
    ["BuildConfig", ({ status }) => ({ status: { ...status, config: { name: long } } })],
    ["reason", ({ status }) => ({ status: { ...status, phase: "Failed", reason: long } })],
    ["labels", ({ metadata }) => ({ metadata: { ...metadata, labels: { [long]: long } } })],
    ["time", ({ status }) => ({ status: { ...status, completionTimestamp: long } })],
  ])("becomes a job of a few kilobytes at most, however long its %s is", (_what, change) => {
    expect(jobOf(change).length).toBeLessThan(5_000);
  });

  it("keeps a bounded number of labels while it is looked at, which an API server does not bound", () => {
    const build = structuredClone(aBuild({ name: "cart-1", namespace: "shop" }));
    const labels = Object.fromEntries(Array.from({ length: 15_000 }, (_, at) => [`example.com/label-${at}`, "x".repeat(63)]));
    const outcome = classifyBuild(Object.assign(build, { metadata: { ...build.metadata, labels } }));
    expect(JSON.stringify(outcome).length).toBeLessThan(50_000);
    expect(outcome).toMatchObject({ kind: "succeeded", labels: { "example.com/label-0": "x".repeat(63) } });
  });

  it("becomes a job of a few kilobytes, however many images it takes files from", () => {
    const from = (at: number) => ({ kind: "DockerImage", name: `${"a.".repeat(120)}b/${"c/".repeat(120)}d:${at}` });
    const images = Array.from({ length: 5_000 }, (_, at) => ({ from: from(at), as: [long] }));
    const dockerfile = `FROM ${long}`;
    const job = jobOf(({ spec }) => ({ spec: { ...spec, source: { images, dockerfile }, strategy: { dockerStrategy: {} } } }));
    expect(job.length).toBeLessThan(10_000);
  });

  it.each<[string, object, object]>([
    ["source images", { dockerfile: "FROM a", images: [null, 7, "x", { from: 7, as: 7 }, { as: [null] }] }, {}],
    ["a Dockerfile", { dockerfile: { toString: 1 }, images: "x" }, {}],
    [
      "build arguments",
      { dockerfile: "ARG A\nFROM $A" },
      { buildArgs: [null, 7, { name: { toString: 1, valueOf: 1 }, value: { toString: 1 } }] },
    ],
  ])("is no matter for a build that failed, with %s of any kind", (_what, source, dockerStrategy) => {
    const build = {
      ...aBuild({ name: "cart-1", namespace: "shop" }),
      status: { phase: "Failed" },
      spec: { source, strategy: { dockerStrategy } },
    };
    expect(classifyBuild(build as Build)).toMatchObject({ kind: "failed" });
  });

  it("brings nothing into a job that acts on a terminal", () => {
    const hostile = "x\u001b[2J\n\u0085\u2028\u202ey";
    const job = jobOf(({ spec }) => ({
      spec: {
        ...spec,
        revision: { git: { commit: hostile } },
        triggeredBy: [{ message: hostile }],
        source: { git: { uri: `/a${hostile}` } },
      },
    }));
    expect(Object.values(JSON.parse(job).jobs[0]).join("")).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}]/u);
    expect(JSON.parse(job).jobs[0].commit).toBe("x\\e[2J\\n\\u0085\\u2028\\u202ey");
  });

  it.each(["..", ".", "a/b", "a/../../b", "A", "", "a?b", "a%2fb"])(
    "is not looked at when its namespace or name is %j",
    (name) => {
      expect(jobOf(({ metadata }) => ({ metadata: { ...metadata, name } }))).toContain("unreadable");
      expect(jobOf(({ metadata }) => ({ metadata: { ...metadata, namespace: name } }))).toContain("unreadable");
      const from = { kind: "ImageStreamTag", name: "x:1", namespace: name || "." };
      expect(
        JSON.parse(jobOf(({ spec }) => ({ spec: { ...spec, strategy: { sourceStrategy: { from } } } }))).job?.base,
      ).toBeUndefined();
    },
  );
});
