import { describe, expect, it } from "vitest";
import { type BuildFacts, type BuildOutcome, eachImage } from "../../../src/core/builds/build-outcome.ts";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import {
  coveredImage,
  describeJob,
  imageJob,
  imageJobs,
  isTracked,
  isTrackedTask,
  planJobs,
  type SubmissionPolicy,
} from "../../../src/core/jobs/job.ts";

const everything: SubmissionPolicy = {
  analyzers: [{ name: "thoth", readsLogs: true }],
  outputImage: true,
  baseImage: true,
  buildLog: true,
  failedBuilds: false,
  track: [],
  matchesLabels: () => true,
};
const digest = `sha256:${"1".repeat(64)}`;
const facts: BuildFacts = {
  build: { namespace: "shop", name: "cart-1", uid: "u-1" },
  buildConfig: "shop/cart",
  labels: { app: "cart" },
  base: { kind: "reference", reference: parseImageReference("quay.io/base/node:24") },
};
const succeeded: BuildOutcome = {
  kind: "succeeded",
  phase: "Complete",
  outputs: [{ kind: "reference", reference: parseImageReference(`quay.io/shop/cart@${digest}`) }],
  ...facts,
};
const failed: BuildOutcome = { kind: "failed", phase: "Failed", outputs: [], reason: "OutOfMemoryKilled", ...facts };
const { buildConfig: _, ...withoutConfig } = succeeded;

describe("planJobs", () => {
  it.each<[string, BuildOutcome, Partial<SubmissionPolicy>, string]>([
    ["a succeeded build", succeeded, {}, "submit"],
    ["a build that runs", { kind: "pending", phase: "Running", build: facts.build, labels: {} }, {}, "not-ended"],
    ["a cancelled build", { kind: "ignored", phase: "Cancelled", build: facts.build, because: "cancelled" }, {}, "cancelled"],
    ["a failed build by default", failed, {}, "failed-build"],
    ["a failed build when wanted", failed, { failedBuilds: true }, "submit"],
    [
      "a failed build without anything to send",
      failed,
      { failedBuilds: true, baseImage: false, buildLog: false },
      "nothing-to-submit",
    ],
    ["a build whose labels are not selected", succeeded, { matchesLabels: ({ app }) => app === "other" }, "label-selector"],
    ["a tracked BuildConfig, by namespace and name", succeeded, { track: ["shop/cart"] }, "submit"],
    ["a tracked BuildConfig, by name", succeeded, { track: ["cart"] }, "submit"],
    ["a tracked name in another namespace", succeeded, { track: ["other/cart"] }, "not-tracked"],
    ["a build without BuildConfig while some are tracked", withoutConfig as BuildOutcome, { track: ["cart"] }, "not-tracked"],
  ])("decides on %s", (_, outcome, policy, expected) => {
    const plan = planJobs(outcome, { ...everything, ...policy });
    expect(plan.kind === "skip" ? plan.because : plan.kind).toBe(expected);
  });

  it("names a build's job by the uid, since names are used again", () => {
    expect(planJobs(succeeded, everything)).toMatchObject({
      jobs: [{ id: "build-u-1", analyzer: "thoth", cause: "build", buildLog: true }],
    });
  });

  it("takes a bill of materials only from the image's own repository", () => {
    const blob = `sha256:${"2".repeat(64)}`;
    const jobsWith = (...repositories: readonly string[]) => {
      const documents = repositories.map((repository) => parseImageReference(`${repository}@${blob}`));
      const plan = planJobs({ ...succeeded, documents } as BuildOutcome, everything);
      return plan.kind === "submit" ? plan.jobs : [];
    };
    expect(jobsWith("quay.io/other/secret", "quay.io/shop/cart")).toMatchObject([{ document: blob }]);
    expect(jobsWith("quay.io/other/secret", "quay.example.com/shop/cart")[0]).not.toHaveProperty("document");
  });

  it("leaves out what the operator does not want submitted", () => {
    const plan = planJobs(succeeded, { ...everything, outputImage: false, baseImage: false });
    expect(plan).toMatchObject({ kind: "submit", jobs: [{ output: undefined, base: undefined, buildLog: true }] });
  });
});

describe("several analyzers", () => {
  const two = [
    { name: "thoth", readsLogs: true },
    { name: "rhacs", readsLogs: false },
  ];

  it("make a job each of a build; the first one has the build's own id, and all share it as their group", () => {
    const plan = planJobs(succeeded, { ...everything, analyzers: two });
    expect(plan).toMatchObject({
      jobs: [
        { id: "build-u-1", analyzer: "thoth", buildLog: true },
        { id: "build-u-1-rhacs", group: "build-u-1", analyzer: "rhacs", buildLog: false },
      ],
    });
  });

  it("get no job of a build that left them nothing", () => {
    const plan = planJobs(failed, { ...everything, analyzers: two.toReversed(), failedBuilds: true, baseImage: false });
    expect(plan).toMatchObject({ jobs: [{ id: "build-u-1", analyzer: "thoth" }] });
  });

  it("make a job each of an image alone", () => {
    const [first, second] = imageJobs(parseImageReference(`quay.io/a/b@${digest}`), "scan", two);
    expect(second).toMatchObject({ id: `${first?.id}-rhacs`, group: first?.id, analyzer: "rhacs" });
  });
});

describe("imageJob", () => {
  it("gives the same image the same id, another repository another one", () => {
    const one = imageJob(parseImageReference(`quay.io/a/b@${digest}`), "scan", "thoth");
    expect(imageJob(parseImageReference(`quay.io/a/b@${digest}`), "command-line", "thoth").id).toBe(one.id);
    expect(imageJob(parseImageReference(`quay.io/a/c@${digest}`), "scan", "thoth").id).not.toBe(one.id);
  });

  it("covers an image only when it is pinned", () => {
    expect(coveredImage(imageJob(parseImageReference(`quay.io/a/b:v1@${digest}`), "scan", "thoth"))).toBe(
      `quay.io/a/b@${digest}`,
    );
    expect(coveredImage(imageJob(parseImageReference("quay.io/a/b:v1"), "scan", "thoth"))).toBeUndefined();
  });
});

describe("a job's name for people", () => {
  function names(...images: readonly string[]): readonly string[] {
    const outputs = images.map((image) => ({ kind: "reference" as const, reference: parseImageReference(image) }));
    const jobs = eachImage({ ...succeeded, outputs, severalImages: true } as BuildOutcome).flatMap((outcome) => {
      const plan = planJobs(outcome, everything);
      return plan.kind === "submit" ? plan.jobs : [];
    });
    return jobs.map(describeJob);
  }

  it("is that of its build, and of each image if there are several, though one may lie in two registries", () => {
    expect(names(`quay.io/shop/cart@${digest}`)).toEqual(["shop/cart-1"]);
    expect(names(`quay.io/shop/cart@${digest}`, `ghcr.io/bank/cart@${digest}`, "quay.io/shop/api:1")).toEqual([
      "shop/cart-1#1:cart@111111111111",
      "shop/cart-1#2:cart@111111111111",
      "shop/cart-1#3:api:1",
    ]);
  });
});

describe("what is tracked", () => {
  const build = { kind: "TaskRun", namespace: "shop", name: "cart-1-build", uid: "u-2" };
  const task = { build, buildConfig: "shop/buildah", ownerKind: "Task", pipeline: "shop/cart" };

  it.each<[string, readonly string[], boolean, boolean]>([
    ["nothing is named", [], true, false],
    ["its pipeline is", ["Pipeline:cart"], true, false],
    ["its task is", ["Task:shop/buildah"], true, true],
    ["another pipeline is", ["Pipeline:bank/cart"], false, false],
    ["a BuildConfig of the same name is", ["cart", "buildah"], false, false],
  ])("of a TaskRun in a pipeline, where %s", (_, track, tracked, itself) => {
    expect(isTracked(task, track)).toBe(tracked);
    expect(isTrackedTask(task, track)).toBe(itself);
  });

  it("is nothing without an owner, once something is named", () => {
    const { build: its } = task;
    expect([isTracked({ build: its }, ["undefined"]), isTracked({ build: its }, ["Pipeline:undefined"])]).toEqual([false, false]);
  });
});
