import { describe, expect, it } from "vitest";
import { formatImageReference } from "../../../src/core/images/image-reference.ts";
import { readRegistryPayload } from "../../../src/server/webhooks/registry-payload.ts";
import { digestOf } from "../../support/fixtures.ts";
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
    ["a type with a parameter", { mediaType: "application/vnd.OCI.image.manifest.v1+json; charset=utf-8", tag: "1" }, [[app], 0]],
    ["a host in capitals", { host: "Registry.Example.com:5000", tag: "1" }, [[app], 0]],
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

  it("can contain several events, some of them unusable", () => {
    const events = [distributionEvent(), distributionEvent({ action: "pull" }), null, "push", {}, { action: "push" }];
    expect(read({ events })).toEqual([[app], 5]);
    expect(read({ events: [] })).toEqual([[], 0]);
  });

  it("names the registry by its URL where the request's host is missing", () => {
    const { request: _, ...event } = distributionEvent();
    expect(read({ events: [event] })).toEqual([[`internal:5000/shop/app@${digest}`], 0]);
  });

  it("is taken with a note when it names an image that cannot be pulled by that name", () => {
    const notes = (traits: DistributionTraits) => readRegistryPayload({ events: [distributionEvent(traits)] })?.notes;
    expect(notes({ host: "registry" })).toEqual([expect.stringMatching(/"registry" cannot be the registry/)]);
    expect(notes({ repository: "Shop/App" })).toEqual([expect.stringMatching(/repository is not valid/)]);
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
    ["tags as keys", { ...quayPush(), updated_tags: { latest: "b750fe79" } }, [["quay.io/mynamespace/repository:latest"], 0]],
  ])("%s", (_, body, expected) => {
    expect(read(body)).toEqual(expected);
  });
});

const [amd64, arm64, attestation] = ["amd64", "arm64", "attestation"].map(digestOf) as [string, string, string];
const index = { mediaType: "application/vnd.oci.image.index.v1+json", tag: "1.0" };
const manifest = "application/vnd.oci.image.manifest.v1+json";

describe("one push of several platforms", () => {
  const parts = [amd64, arm64, attestation].map((digest) => distributionEvent({ digest, mediaType: manifest }));

  it("is the index alone", () => {
    expect(read({ events: [...parts, distributionEvent(index)] })).toEqual([[app], 3]);
  });

  it("is distinguished from others in the same envelope by what the index names", () => {
    const { target, ...event } = distributionEvent(index);
    const whole = { ...event, target: { ...target, references: [{ digest: amd64 }, { digest: arm64 }] } };
    const other = distributionEvent({ digest: attestation, mediaType: manifest });
    expect(read({ events: [...parts.slice(0, 2), other, whole] })).toEqual([
      [`registry.example.com:5000/shop/app@${attestation}`, app],
      2,
    ]);
  });
});

describe("Azure", () => {
  const data = { ...distributionEvent({ tag: "1", host: "shop.azurecr.io" }), id: "831e1650", timestamp: "2017-11-17T16:52:22Z" };
  const image = `shop.azurecr.io/shop/app@${digest}`;
  it.each<[string, unknown, [string[], number]]>([
    ["a push", data, [[image], 0]],
    ["a deletion", { ...data, action: "delete" }, nothing],
    ["a pushed chart", { ...data, action: "chart_push" }, nothing],
    ["a ping", { id: "x", action: "ping", request: { host: "shop.azurecr.io" } }, nothing],
    ["Event Grid's push", [{ eventType: "Microsoft.ContainerRegistry.ImagePushed", data }], [[image], 0]],
    ["Event Grid's CloudEvent", { specversion: "1.0", type: "Microsoft.ContainerRegistry.ImagePushed", data }, [[image], 0]],
  ])("sends %s", (_, body, expected) => expect(read(body)).toEqual(expected));
});

describe("others send", () => {
  const hub = { callback_url: "https://x.example", push_data: { tag: "1.2", pusher: "me" }, repository: { repo_name: "me/app" } };
  const version = { package_url: "ghcr.io/org/app:1", container_metadata: { tag: { name: "1", digest } } };
  const github = { action: "published", registry_package: { package_type: "CONTAINER", package_version: version } };
  const detail = {
    "action-type": "PUSH",
    result: "SUCCESS",
    "repository-name": "shop/app",
    "image-digest": digest,
    "image-tag": "1",
  };
  const ecr = { source: "aws.ecr", "detail-type": "ECR Image Action", account: "123456789012", region: "eu-west-1", detail };
  const pushed = {
    repo_key: "docker-local",
    path: "shop/app/1.0/manifest.json",
    name: "manifest.json",
    sha256: digest.slice(7),
    image_name: "shop/app",
    tag: "1.0",
  };
  const jfrog = { domain: "docker", event_type: "pushed", data: pushed, jpd_origin: "https://shop.jfrog.io", source: "jfrog/me" };
  it.each<[string, unknown, [string[], number]]>([
    ["Docker Hub's push", hub, [["docker.io/me/app:1.2"], 0]],
    ["Artifactory's push", jfrog, [[`shop.jfrog.io/docker-local/shop/app@${digest}`], 0]],
    [
      "Artifactory's push behind a path",
      { ...jfrog, jpd_origin: "https://artifacts.example.com:8443/artifactory" },
      [[`artifacts.example.com:8443/docker-local/shop/app@${digest}`], 0],
    ],
    ["Artifactory's push of a signature", { ...jfrog, data: { ...pushed, tag: `sha256-${"a".repeat(64)}.sig` } }, nothing],
    ["Artifactory's deletion", { ...jfrog, event_type: "deleted" }, nothing],
    ["Artifactory's other event", { domain: "artifact", event_type: "deployed", data: { repo_key: "npm" } }, nothing],
    ["Artifactory's push without its address", { ...jfrog, jpd_origin: undefined }, nothing],
    [
      "GitHub's package whose version alone names the digest",
      {
        ...github,
        registry_package: {
          package_type: "CONTAINER",
          package_version: { package_url: "ghcr.io/org/app:", version: digest, container_metadata: { tag: { name: "" } } },
        },
      },
      [[`ghcr.io/org/app@${digest}`], 0],
    ],
    ["GitHub's container package", github, [[`ghcr.io/org/app@${digest}`], 0]],
    [
      "GitHub's owner in capitals",
      {
        ...github,
        registry_package: { ...github.registry_package, package_version: { ...version, package_url: "ghcr.io/Org/App:1" } },
      },
      [[`ghcr.io/org/app@${digest}`], 0],
    ],
    ["GitHub's other package", { ...github, registry_package: { ...github.registry_package, package_type: "NPM" } }, nothing],
    ["GitHub's ping", { zen: "Keep it logically awesome.", hook_id: 1, hook: { type: "Organization" } }, nothing],
    ["ECR's push", ecr, [[`123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/app@${digest}`], 0]],
    [
      "ECR's push in China",
      { ...ecr, region: "cn-north-1" },
      [[`123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/app@${digest}`], 0],
    ],
    [
      "ECR's chart",
      { ...ecr, detail: { ...detail, "artifact-media-type": "application/vnd.cncf.helm.config.v1+json" } },
      nothing,
    ],
    [
      "ECR's image by type",
      { ...ecr, detail: { ...detail, "artifact-media-type": "application/vnd.docker.container.image.v1+json" } },
      [[`123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/app@${digest}`], 0],
    ],
    ["ECR's deletion", { ...ecr, detail: { ...detail, "action-type": "DELETE" } }, nothing],
    ["ECR's scan", { ...ecr, "detail-type": "ECR Image Scan", detail: { "scan-status": "COMPLETE" } }, nothing],
  ])("%s", (_, body, expected) => expect(read(body)).toEqual(expected));
});

it.each(["sha256:abc", "sha256__abc", undefined])("Artifactory's manifest under the tag %s is untagged", (tag) => {
  const data = { repo_key: "docker-local", image_name: "shop/app", sha256: digest.slice(7), tag };
  const event = { domain: "docker", event_type: "pushed", data, jpd_origin: "https://shop.jfrog.io" };
  expect(readRegistryPayload(event)?.images).toMatchObject([{ digest, untagged: true }]);
});

describe("addresses and names as they come", () => {
  const debian = "hub.harbor.example.com/test-webhook/debian";
  const { event_data: event } = harborPush();
  const cloudEvent = { specversion: "1.0", id: "1", source: "/projects/1", type: "harbor.artifact.pushed", data: event };
  it.each<[string, unknown, [string[], number]]>([
    ["a scheme of Harbor's", harborPush({ resource_url: `https://${debian}:latest` }), [[`${debian}@${digest}`], 0]],
    ["a scheme of Quay's", { docker_url: "https://quay.io/a/b", updated_tags: ["1"] }, [["quay.io/a/b:1"], 0]],
    [
      "a digest in place of the tag",
      harborPush({ digest: undefined, tag: digest, resource_url: `${debian}:${digest}` }),
      [[`${debian}@${digest}`], 0],
    ],
    [
      "a digest in the address alone",
      harborPush({ digest: undefined, tag: undefined, resource_url: `${debian}@${digest}` }),
      [[`${debian}@${digest}`], 0],
    ],
    ["Harbor's CloudEvents", cloudEvent, [[`${debian}@${digest}`], 0]],
    ["another of Harbor's CloudEvents", { ...cloudEvent, type: "harbor.artifact.pulled" }, nothing],
    ["a sigstore bundle", harborPush({ tag: `sha256-${"a".repeat(64)}.sigstore` }), nothing],
  ])("%s", (_, body, expected) => expect(read(body)).toEqual(expected));
});

it.each([null, 1, "text", [], {}, { events: 1 }, { type: "PUSH_ARTIFACT" }, { action: "push" }, [{ eventType: "Other" }]])(
  "%j is none of them",
  (body) => {
    expect(read(body)).toBeUndefined();
  },
);
