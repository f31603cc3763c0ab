import { expect, it } from "vitest";
import { buildLink, commitLink, configLink, imageLink } from "../../../src/core/hosts/web-links.ts";
import { knownSources } from "../../../src/sources/index.ts";

const sha = "0123456789abcdef0123456789abcdef01234567";
const digest = `sha256:${"a".repeat(64)}`;

it.each([
  ["https://github.com/org/app.git", `https://github.com/org/app/commit/${sha}`],
  ["https://user:secret@github.com/org/app", `https://github.com/org/app/commit/${sha}`],
  ["git@github.com:org/app.git", `https://github.com/org/app/commit/${sha}`],
  ["ssh://git@git.example:2222/org/app.git", `https://git.example/org/app/commit/${sha}`],
  ["https://gitlab.example/org/sub/app.git", `https://gitlab.example/org/sub/app/-/commit/${sha}`],
  ["javascript:alert(1)", undefined],
  ["file:///etc", undefined],
  [undefined, undefined],
])("the commit of %s is at %s", (origin, link) => {
  expect(commitLink(origin, sha)).toBe(link);
});

it("links to no commit that is none", () => {
  expect(commitLink("https://github.com/org/app", "../../evil")).toBeUndefined();
});

it.each([
  [`quay.io/org/app@${digest}`, `https://quay.io/repository/org/app/manifest/${digest}`],
  ["quay.example.com/org/app:1", "https://quay.example.com/repository/org/app?tab=tags"],
  [`docker.io/library/golang:1.12@${digest}`, "https://hub.docker.com/_/golang"],
  ["docker.io/org/app:1", "https://hub.docker.com/r/org/app"],
  ["registry.example:5000/org/app:1", undefined],
])("the image %s is at %s", (image, link) => {
  expect(imageLink(image)).toBe(link);
});

const pages = Object.fromEntries(knownSources.map((source) => [source.kind, source.console]));

it("links to a Build where the console is known", () => {
  const build = { namespace: "shop", name: "web-1" };
  const known = { url: "https://console.example/", pages };
  expect(buildLink(known, build)).toBe("https://console.example/k8s/ns/shop/builds/web-1");
  expect(buildLink(undefined, build)).toBeUndefined();
});

it("links to what other build systems run, by their kinds", () => {
  const [url, name] = ["https://console.example", { namespace: "shop", name: "web-1" }];
  const console = { url, pages };
  expect(buildLink(console, { ...name, kind: "PipelineRun" })).toBe(`${url}/k8s/ns/shop/tekton.dev~v1~PipelineRun/web-1`);
  expect(configLink(console, {}, "shop/web")).toBe(`${url}/k8s/ns/shop/buildconfigs/web`);
  expect(configLink(console, { kind: "BuildRun" }, "Build:shop/web")).toBe(`${url}/k8s/ns/shop/shipwright.io~v1beta1~Build/web`);
  expect(configLink(console, { kind: "PipelineRun" }, "shop/web")).toBeUndefined();
});
