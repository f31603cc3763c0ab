import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BuildOutcome } from "../../src/core/builds/build-outcome.ts";
import { formatImageName } from "../../src/core/images/image-name.ts";
import { type Build, classifyBuild } from "../../src/sources/openshift-builds.ts";

const internal = "image-registry.openshift-image-registry.svc:5000";
const digest = `sha256:${"5".repeat(64)}`;
const key = { namespace: "shop", name: "cart-1", uid: "u-1" };

function complete(build: { spec?: Build["spec"]; status?: Build["status"]; annotations?: Record<string, string> }): Build {
  return {
    metadata: { ...key, ...(build.annotations && { annotations: build.annotations }) },
    spec: build.spec ?? {},
    status: { phase: "Complete", outputDockerImageReference: `${internal}/shop/cart:latest`, ...build.status },
  };
}

function outputOf(outcome: BuildOutcome): string {
  return outcome.kind === "succeeded" ? outcome.outputs.map(formatImageName).join() : `${outcome.kind}`;
}

function baseOf(outcome: BuildOutcome): string | undefined {
  return outcome.kind === "succeeded" && outcome.base ? formatImageName(outcome.base) : undefined;
}

describe("classifyBuild", () => {
  it("reads the recorded builds as what they were", () => {
    const { items } = JSON.parse(readFileSync("test/fixtures/openshift/build-list.json", "utf8")) as { items: Build[] };
    const kinds = items.map((build) => {
      const outcome = classifyBuild(build);
      return [build.metadata?.name, outcome.kind === "ignored" ? outcome.because : outputOf(outcome).split("@")[0]];
    });
    expect(kinds).toEqual([
      ["go-hello-world-1", `${internal}/golang-builder/go-hello-world`],
      ["go-hello-world-2", `${internal}/golang-builder/go-hello-world`],
      ["go-hello-world-3", "failed"],
      ["go-hello-world-4", "cancelled"],
      ["go-hello-world-5", "failed"],
      ["go-hello-world-appimage-1", `${internal}/golang-builder/go-hello-world-appimage`],
      ["golang-builder-1", `${internal}/golang-builder/golang-builder`],
      ["legacy-pipeline-1", "no-output-image"],
      ["no-output-1", "no-output-image"],
      ["ray-example-1", "registry.example.com/cpe/tracker/example-ray-job"],
    ]);
  });

  it.each([
    ["the digest instead of the tag", { output: { to: { imageDigest: digest } } }, `${internal}/shop/cart@${digest}`],
    ["the tag when there is no digest", {}, `${internal}/shop/cart:latest`],
    ["the tag when the digest is none", { output: { to: { imageDigest: "sha256:short" } } }, `${internal}/shop/cart:latest`],
    ["a reference with a port and without tag", { outputDockerImageReference: "host:5000/shop/cart" }, "host:5000/shop/cart"],
    ["a reference without registry", { outputDockerImageReference: "shop/cart" }, "docker.io/shop/cart"],
  ])("names %s", (_, status, expected) => {
    expect(outputOf(classifyBuild(complete({ status })))).toBe(expected);
  });

  it("falls back to the image stream tag when the reference was lost", () => {
    const build = complete({
      spec: { output: { to: { kind: "ImageStreamTag", name: "cart:v2" } } },
      status: { outputDockerImageReference: "" },
    });
    expect(outputOf(classifyBuild(build))).toBe("shop/cart:v2");
  });

  it("falls back to the output's name when the reference is no name", () => {
    const to = { kind: "DockerImage", name: "quay.io/shop/cart:2" };
    const status = { outputDockerImageReference: "quay.io/Shop/cart:2", output: { to: { imageDigest: digest } } };
    expect(outputOf(classifyBuild(complete({ spec: { output: { to } }, status })))).toBe(`quay.io/shop/cart@${digest}`);
    expect(classifyBuild(complete({ spec: { output: {} }, status }))).toMatchObject({ kind: "ignored", because: "unreadable" });
  });

  it.each([
    [
      "the Docker strategy's image",
      { strategy: { dockerStrategy: { from: { kind: "DockerImage", name: "golang:1.12" } } } },
      "docker.io/library/golang:1.12",
    ],
    [
      "the Source strategy's image stream tag",
      { strategy: { sourceStrategy: { from: { kind: "ImageStreamTag", name: "node:24", namespace: "openshift" } } } },
      "openshift/node:24",
    ],
    [
      "an image stream image",
      { strategy: { customStrategy: { from: { kind: "ImageStreamImage", name: `node@${digest}` } } } },
      `shop/node@${digest}`,
    ],
    [
      "nothing when the name is no reference",
      { strategy: { dockerStrategy: { from: { kind: "DockerImage", name: "NOT A NAME" } } } },
      undefined,
    ],
  ])("takes as base %s", (_, spec, expected) => {
    expect(baseOf(classifyBuild(complete({ spec })))).toBe(expected);
  });

  it("strips credentials from the git URI", () => {
    const outcome = classifyBuild(complete({ spec: { source: { git: { uri: "https://me:pa@ss@git.example.com/a/b.git" } } } }));
    expect(outcome).toMatchObject({ origin: "https://git.example.com/a/b.git" });
  });

  it("leaves an annotated build alone", () => {
    const outcome = classifyBuild(complete({ annotations: { "build-watcher.thoth-station.ninja/skip": "true" } }));
    expect(outcome).toMatchObject({ kind: "ignored", because: "excluded" });
  });

  it.each(["New", "Pending", "Running", "", undefined])("waits for a build in phase %j", (phase) => {
    expect(classifyBuild({ metadata: key, status: phase === undefined ? {} : { phase } })).toMatchObject({ kind: "pending" });
  });

  it("understands a build without status as not ended", () => {
    expect(classifyBuild({ metadata: key })).toMatchObject({ kind: "pending", build: key });
  });

  it("never throws, whatever the server sends", () => {
    const anything = fc.record({
      metadata: fc.oneof(fc.constant(key), fc.jsonValue()),
      spec: fc.jsonValue(),
      status: fc.oneof(
        fc.record({ phase: fc.constant("Complete"), outputDockerImageReference: fc.jsonValue(), output: fc.jsonValue() }),
        fc.jsonValue(),
      ),
    });
    fc.assert(fc.property(fc.oneof(anything, fc.jsonValue()), (value) => void classifyBuild(value as Build)));
  });
});
