import { describe, expect, it } from "vitest";
import { parseLabelSelector } from "../../../src/core/builds/label-selector.ts";
import { progressOf } from "../../../src/core/builds/running-build.ts";
import { type Build, classifyBuild } from "../../../src/sources/openshift-builds.ts";
import { tekton } from "../../../src/sources/tekton.ts";
import { aBuild, type BuildTraits } from "../../support/fixtures.ts";
import { aRun, condition, type RunObject } from "../../support/runs.ts";

const everything = { track: [], matchesLabels: () => true };

function progress(traits: BuildTraits, policy: Parameters<typeof progressOf>[1] = everything): string {
  return progressOf(classifyBuild(aBuild({ phase: "Running", ...traits })), policy).kind;
}

describe("a build", () => {
  it.each([
    ["New", "other"],
    ["Pending", "other"],
    ["Running", "running"],
    ["Complete", "ended"],
    ["Failed", "ended"],
    ["Error", "ended"],
    ["Cancelled", "ended"],
  ])("in phase %s is %s", (phase, kind) => {
    expect(progress({ phase })).toBe(kind);
  });

  it.each([
    [{ platform: "x86_64", architecture: "s390x" }, "x86_64"],
    [{ architecture: "s390x" }, "s390x"],
    [{ "kubernetes.io/arch": "arm64" }, "arm64"],
    [{ platform: "" }, undefined],
    [{}, undefined],
  ])("with labels %j is for platform %s", (labels, platform) => {
    expect(progressOf(classifyBuild(aBuild({ phase: "Running", labels })), everything)).toMatchObject({
      kind: "running",
      tags: { ...(platform && { platform }) },
    });
  });

  it("that is part of a pipeline is tagged with it; the pipeline itself is not shown, because its parts are", () => {
    const [pipelines, tasks] = tekton.sources({ ignoreResults: [] });
    const runs = ({ status, metadata }: RunObject) => {
      Object.assign(status, { conditions: condition("Unknown", "Running"), completionTime: undefined });
      const label = (name: string) => `tekton.dev/${name}`;
      metadata.labels = { [label("pipelineRun")]: "cart-1", [label("pipeline")]: "cart", [label("pipelineTask")]: "build" };
    };
    const taskRun = tasks?.classify(aRun("TaskRun", runs));
    expect(taskRun && progressOf(taskRun, everything)).toMatchObject({ tags: { pipeline: "shop/cart", task: "build" } });
    const pipelineRun = pipelines?.classify(aRun("PipelineRun", runs));
    expect(pipelineRun && progressOf(pipelineRun, everything)).toEqual({ kind: "other" });
  });

  it("that is not followed is not shown", () => {
    expect(progress({ name: "cart-1" }, { ...everything, track: ["cart"] })).toBe("running");
    expect(progress({ name: "cart-1" }, { ...everything, track: ["orders"] })).toBe("other");
    expect(progress({ buildConfig: null }, { ...everything, track: ["cart"] })).toBe("other");
    expect(progress({ labels: { a: "b" } }, { ...everything, matchesLabels: parseLabelSelector("a!=b") })).toBe("other");
    expect(progress({ annotations: { "build-watcher.thoth-station.ninja/skip": "true" } })).toBe("ended");
  });

  it.each([[{}], [{ metadata: { name: "a" } }], [null], [{ metadata: null, status: 7 }]])(
    "that is none (%j) is nothing",
    (build) => {
      expect(progressOf(classifyBuild(build as Build), everything)).toEqual({ kind: "other" });
    },
  );
});
