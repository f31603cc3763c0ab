import { describe, expect, it } from "vitest";
import { formatImageReference } from "../../../src/core/image-reference.ts";
import { readRegistryPayload } from "../../../src/server/webhooks/registry-payload.ts";
import { type DistributionTraits, digest, distributionEvent, harborPush, quayPush } from "./payloads.ts";

/** What is read of a payload: the images' names, and how many other things. */
function read(body: unknown): [names: string[], ignored: number] | undefined {
  const pushed = readRegistryPayload(body);
  return pushed && [pushed.images.map(formatImageReference), pushed.ignored];
}

const app = `registry.example.com:5000/shop/app@${digest}`;
const nothing: [string[], number] = [[], 1];

describe("what docker-registry sends", () => {
  it.each<[string, DistributionTraits, [string[], number]]>([
    ["a push by tag", { tag: "1.2" }, [[app], 0]],
    ["a push by digest", {}, [[app], 0]],
    ["an image index", { mediaType: "application/vnd.oci.image.index.v1+json" }, [[app], 0]],
    ["a pushed layer", { mediaType: "application/octet-stream" }, nothing],
    ["a Helm chart's configuration", { mediaType: "application/vnd.cncf.helm.config.v1+json" }, nothing],
    ["a pull", { action: "pull" }, nothing],
    ["a deletion", { action: "delete" }, nothing],
    ["a mount", { action: "mount" }, nothing],
    ["a signature by cosign", { tag: `sha256-${"a".repeat(64)}.sig` }, nothing],
    ["another kind of digest", { digest: "md5:123" }, nothing],
  ])("%s", (_, traits, expected) => {
    expect(read({ events: [distributionEvent(traits)] })).toEqual(expected);
  });

  it("can hold several events, some of which are strange", () => {
    const events = [distributionEvent(), distributionEvent({ action: "pull" }), null, "push", {}, { action: "push" }];
    expect(read({ events })).toEqual([[app], 5]);
    expect(read({ events: [] })).toEqual([[], 0]);
  });

  it("names the registry by its URL where the request's host is missing", () => {
    const { request: _, ...event } = distributionEvent();
    expect(read({ events: [event] })).toEqual([[`internal:5000/shop/app@${digest}`], 0]);
  });

  it("is refused when it names an image that cannot be pulled by that name", () => {
    expect(() => read({ events: [distributionEvent({ host: "registry" })] })).toThrow(/"registry" is no registry/);
    expect(() => read({ events: [distributionEvent({ repository: "Shop/App" })] })).toThrow(/repository is not valid/);
  });
});

describe("what Harbor sends", () => {
  const debian = `hub.harbor.example.com/test-webhook/debian@${digest}`;
  it.each<[string, unknown, [string[], number]]>([
    ["a push by tag", harborPush(), [[debian], 0]],
    ["a push by digest", harborPush({ tag: digest, resource_url: debian }), [[debian], 0]],
    ["a push without digest", harborPush({ digest: undefined }), [["hub.harbor.example.com/test-webhook/debian:latest"], 0]],
    [
      "a registry with a port",
      harborPush({ resource_url: "h.example.com:8443/p/a:1" }),
      [[`h.example.com:8443/p/a@${digest}`], 0],
    ],
    ["a signature", harborPush({ tag: `sha256-${"a".repeat(64)}.sig` }), nothing],
    ["a scan", harborPush({}, "SCANNING_COMPLETED"), nothing],
    ["a pull", harborPush({}, "PULL_ARTIFACT"), nothing],
    ["nothing at all", harborPush({ resource_url: undefined }), nothing],
  ])("%s", (_, body, expected) => {
    expect(read(body)).toEqual(expected);
  });
});

describe("what Quay sends", () => {
  it.each<[string, unknown, [string[], number]]>([
    [
      "a push of tags",
      quayPush("latest", "1.2"),
      [["quay.io/mynamespace/repository:latest", "quay.io/mynamespace/repository:1.2"], 0],
    ],
    [
      "strange tags",
      quayPush("ok", "", null, "not a tag", `sha256-${"a".repeat(64)}.att`),
      [["quay.io/mynamespace/repository:ok"], 4],
    ],
    ["no tags", quayPush(), [[], 0]],
  ])("%s", (_, body, expected) => {
    expect(read(body)).toEqual(expected);
  });
});

it.each([null, 1, "text", [], {}, { events: 1 }, { type: "PUSH_ARTIFACT" }, { docker_url: "quay.io/a/b" }])(
  "%j is none of them",
  (body) => {
    expect(read(body)).toBeUndefined();
  },
);
