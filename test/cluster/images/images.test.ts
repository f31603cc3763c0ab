import { describe, expect, it } from "vitest";
import type { StreamSighting } from "../../../src/cluster/cluster.ts";
import { createRegistryHosts } from "../../../src/cluster/images/registry-hosts.ts";
import { formatImageReference, parseImageReference } from "../../../src/core/images/image-reference.ts";
import type { OpenShiftApi } from "../../../src/demo/openshift-api.ts";
import { digestOf, internalRegistry, recordedImageStreams } from "../../support/fixtures.ts";
import { openTestCluster, type TestClusterTraits } from "../test-cluster.ts";

const signal = new AbortController().signal;
const world = `${internalRegistry}/golang-builder/go-hello-world`;
const route = "registry.apps.example.com";
const appimage = "sha256:396ca89c58a1840979ad625e20a7e8609519dfba6d8b1467d3ced5debbcbd264";

function putRecordedStreams(api: OpenShiftApi): void {
  for (const stream of recordedImageStreams()) api.put("imagestreams", stream);
}

const openWithStreams = (traits: TestClusterTraits = {}) => openTestCluster({ prepare: putRecordedStreams, ...traits });

async function collect(images: AsyncIterable<StreamSighting>): Promise<StreamSighting[]> {
  const all: StreamSighting[] = [];
  for await (const sighting of images) all.push(sighting);
  return all;
}

describe("the images that lie in a cluster", () => {
  it("are listed page by page, with why some are left out", async () => {
    const { api, cluster } = await openWithStreams({ settings: { pageSize: 2 } });
    const sightings = await collect(cluster.listImages(signal));
    expect(sightings.map(({ kind, stream }) => `${kind} ${stream.split("/")[1]}`)).toEqual([
      "image go-hello-world",
      "stream go-hello-world",
      "image go-hello-world-appimage",
      "stream go-hello-world-appimage",
      "image golang-builder",
      "stream golang-builder",
      "skipped legacy-app",
      "stream legacy-app",
    ]);
    expect(api.requests.map(({ query }) => query.limit)).toEqual(["2", "2"]);
  });

  it("are listed in spite of a few failures", async () => {
    const { api, cluster } = await openWithStreams();
    api.fail("list", { status: 503 });
    api.fail("list", "reset");
    expect(await collect(cluster.listImages(signal))).toHaveLength(8);
  });

  it("are not listed when the API stays away: that is said, and can be tried again", async () => {
    const { api, cluster } = await openWithStreams();
    api.fail("list", { status: 503 }, 10);
    await expect(collect(cluster.listImages(signal))).rejects.toMatchObject({ reason: "ClusterUnavailable", retryable: true });
  });

  it("need a permission, whose lack in one namespace does not keep the others from being listed", async () => {
    const rules = [{ verbs: ["list"], apiGroups: ["*"], resources: ["imagestreams"], namespaces: ["golang-builder"] }];
    const { cluster } = await openWithStreams({ api: { rules }, settings: { namespaces: ["mill", "golang-builder"] } });
    const seen: StreamSighting[] = [];
    await expect(async () => {
      for await (const sighting of cluster.listImages(signal)) seen.push(sighting);
    }).rejects.toThrow("oc policy add-role-to-user view developer -n mill");
    expect(seen).toHaveLength(8);
  });
});

describe("an image's name", () => {
  const reference = (text: string) => ({ kind: "reference" as const, reference: parseImageReference(text) });
  const inStream = { namespace: "golang-builder", stream: "go-hello-world" };

  it.each([
    ["by digest", `${world}@${digestOf("x")}`, undefined, `${world}@${digestOf("x")}`],
    ["by a tag elsewhere", "quay.io/a/b:1", undefined, "quay.io/a/b:1"],
    ["by a tag of the own registry, now", `${world}:1.0`, undefined, `${world}@sha256:365c7c`],
    ["by a tag of the own registry, then", `${world}:1.0`, "2026-11-21T05:52:40Z", `${world}@sha256:cf002c`],
    ["by a tag as old as nobody remembers", `${world}:1.0`, "2020-01-01T00:00:00Z", `${world}@sha256:2af9f7`],
    ["by an unknown tag", `${world}:9`, undefined, `${world}:9`],
    ["by no tag where there is no latest", world, undefined, world],
    [
      "in an unknown stream",
      `${internalRegistry}/golang-builder/unknown:1`,
      undefined,
      `${internalRegistry}/golang-builder/unknown:1`,
    ],
    ["in no stream at all", `${internalRegistry}/flat:1`, undefined, `${internalRegistry}/flat:1`],
  ])("%s is resolved", async (_, name, completedAt, resolved) => {
    const { cluster } = await openWithStreams();
    const image = await cluster.resolveImage(reference(name), completedAt, signal);
    expect(formatImageReference(image).slice(0, resolved.length)).toBe(resolved);
  });

  it.each([
    [{ kind: "stream-tag" as const, ...inStream, tag: "1.0" }, undefined, `${world}@sha256:365c7c`],
    [
      { kind: "stream-tag" as const, ...inStream, tag: "1.0" },
      "2026-11-21T05:50:00Z",
      "127.0.0.1:5055/golang-builder/go-hello-world@sha256:2af9f7",
    ],
    [{ kind: "stream-image" as const, ...inStream, digest: digestOf("pruned") }, undefined, `${world}@${digestOf("pruned")}`],
  ])("%o leads to an image", async (name, completedAt, resolved) => {
    const { cluster } = await openWithStreams();
    expect(formatImageReference(await cluster.resolveImage(name, completedAt, signal))).toContain(resolved);
  });

  it.each([
    [
      { kind: "stream-tag" as const, ...inStream, stream: "legacy-app", tag: "broken" },
      /does not lead to an image: its import failed \(NotFound\)/,
    ],
    [
      { kind: "stream-tag" as const, ...inStream, tag: "9" },
      /golang-builder\/go-hello-world:9 does not lead to an image: there is no such tag/,
    ],
    [{ kind: "stream-image" as const, ...inStream, stream: "unknown", digest: digestOf("x") }, /no such image stream/],
  ])("%o leads nowhere", async (name, message) => {
    const { cluster } = await openWithStreams();
    await expect(cluster.resolveImage(name, undefined, signal)).rejects.toMatchObject({
      reason: "ImageNotFound",
      message: expect.stringMatching(message),
    });
  });

  it("stays a tag where image streams may not be read, but a stream's name then is an error that says how to grant it", async () => {
    const { cluster } = await openWithStreams({ api: { rules: [] } });
    expect(await cluster.resolveImage(reference(`${world}:1.0`), undefined, signal)).toMatchObject({ tag: "1.0" });
    await expect(cluster.resolveImage({ kind: "stream-tag", ...inStream, tag: "1.0" }, undefined, signal)).rejects.toMatchObject({
      reason: "ClusterDenied",
      message: expect.stringContaining("oc policy add-role-to-user view developer -n golang-builder"),
    });
  });

  it("waits for another time while the API is down, lest it be submitted unpinned", async () => {
    const { api, cluster } = await openWithStreams();
    api.fail("get", { status: 503, headers: { "retry-after": "7" } });
    const failed = cluster.resolveImage(reference(`${world}:1.0`), undefined, signal);
    await expect(failed).rejects.toMatchObject({ reason: "ClusterUnavailable", retryable: true, retryAfter: 7000 });
  });

  it("waits for another time while an API server has just started and refuses what it served before", async () => {
    const { api, cluster } = await openWithStreams();
    const named = [reference(`${world}:1.0`), { kind: "stream-tag", ...inStream, tag: "1.0" }] as const;
    await cluster.resolveImage(named[0], undefined, signal);
    api.restart();
    for (const image of named) {
      await expect(cluster.resolveImage(image, undefined, signal)).rejects.toMatchObject({
        reason: "ClusterUnavailable",
        message: expect.stringContaining("Usually it has just started"),
      });
    }
  });
});

describe("the registry from outside", () => {
  const image = parseImageReference(`${internalRegistry}/golang-builder/go-hello-world-appimage@${appimage}`);

  it("is the named one", async () => {
    const { api, cluster } = await openWithStreams({ settings: { registryRoute: `https://${route}/` } });
    expect(await cluster.externalImage(image, signal)).toEqual({ ...image, registry: route });
    expect(api.requests).toEqual([]);
  });

  it("is found once in any image stream of the image's namespace", async () => {
    const { api, cluster } = await openWithStreams({ api: { publicRegistry: route } });
    expect(await cluster.externalImage(image, signal)).toEqual({ ...image, registry: route });
    expect(await cluster.externalImage(image, signal)).toEqual({ ...image, registry: route });
    expect(api.requests).toHaveLength(1);
    expect(cluster.ownsImage({ registry: route, repository: "a/b" })).toBe(true);
  });

  it("is found in the streams everybody may read, when the image's namespace has none", async () => {
    const { api, cluster } = await openTestCluster({ api: { publicRegistry: route } });
    api.put("imagestreams", { metadata: { namespace: "openshift", name: "nodejs" }, status: {} });
    expect(await cluster.externalImage(image, signal)).toEqual({ ...image, registry: route });
  });

  it("is looked for again later when there is none yet", async () => {
    let now = 0;
    const clock = { now: () => now, schedule: () => () => {} };
    const { api, cluster } = await openWithStreams({ settings: { clock } });
    expect(await cluster.externalImage(image, signal)).toEqual(image);
    expect(await cluster.externalImage(image, signal)).toEqual(image);
    expect(api.requests).toHaveLength(2);
    now += 61_000;
    await cluster.externalImage(image, signal);
    expect(api.requests).toHaveLength(4);
  });

  it("does not concern images that lie elsewhere", async () => {
    const { api, cluster } = await openWithStreams({ settings: { registryRoute: route } });
    const elsewhere = parseImageReference("quay.io/a/b:1");
    expect(await cluster.externalImage(elsewhere, signal)).toEqual(elsewhere);
    expect(api.requests).toEqual([]);
  });
});

describe("the cluster's own registry", () => {
  it.each([
    ["image-registry.openshift-image-registry.svc:5000", true],
    ["image-registry.openshift-image-registry.svc", true],
    ["image-registry.openshift-image-registry.svc.cluster.local:5000", true],
    ["docker-registry.default.svc:5000", true],
    [route, true],
    [`${route}:443`, true],
    [`${route}:8443`, false],
    ["172.30.1.1:5000", true],
    ["172.30.1.2:5000", false],
    ["quay.io", false],
    ["evil-image-registry.openshift-image-registry.svc:5000", false],
    ["image-registry.openshift-image-registry.svc.example.com", false],
  ])("has the host %s: %s", (host, owned) => {
    const hosts = createRegistryHosts(undefined);
    hosts.learn({ status: { dockerImageRepository: "172.30.1.1:5000/a/b", publicDockerImageRepository: `${route}/a/b` } });
    expect(hosts.owns(host)).toBe(owned);
  });

  it("is not what somebody wrote into a stream of a cluster without registry", () => {
    const hosts = createRegistryHosts(undefined);
    hosts.learn({ spec: { dockerImageRepository: "10.0.0.1:5000/a/b" }, status: { dockerImageRepository: "10.0.0.1:5000/a/b" } });
    hosts.learn({ status: { dockerImageRepository: "docker.io/a/b" } });
    expect(hosts.owns("10.0.0.1:5000")).toBe(false);
    expect(hosts.owns("docker.io")).toBe(false);
  });
});
