import { expect, it } from "vitest";
import { formatImageName } from "../../src/core/images/image-name.ts";
import { formatImageReference } from "../../src/core/images/image-reference.ts";
import { type Build, classifyBuild, type ObjectReference } from "../../src/sources/openshift-builds.ts";
import { openTestCluster } from "../cluster/test-cluster.ts";
import { digestOf, internalRegistry } from "../support/fixtures.ts";

const signal = new AbortController().signal;
const own = `${internalRegistry}/other/app`;
const [a, b] = [digestOf("a"), digestOf("b")];

/** A stream whose tag `latest` has the image of build A from 09:59:59 and that of build B from 10:00:01. */
const item = (digest: string, created: string) => ({ created, image: digest, dockerImageReference: `${own}@${digest}` });
const stream = {
  metadata: { namespace: "other", name: "app" },
  status: {
    dockerImageRepository: own,
    tags: [{ tag: "latest", items: [item(b, "2026-01-01T10:00:01Z"), item(a, "2026-01-01T09:59:59Z")] }],
  },
};

const streamTag: ObjectReference = { kind: "ImageStreamTag", namespace: "other", name: "app:latest" };
const image = (name: string): ObjectReference => ({ kind: "DockerImage", name });

interface Told {
  readonly to: ObjectReference;
  readonly digest?: string;
  readonly reference?: string;
  readonly completed?: string;
}

function ended({ to, digest, reference, completed = "10:00:00" }: Told): Build {
  return {
    metadata: { namespace: "shop", name: "cart-1", uid: "u-1" },
    spec: { output: { to } },
    status: {
      phase: "Complete",
      completionTimestamp: `2026-01-01T${completed}Z`,
      ...(reference && { outputDockerImageReference: reference }),
      ...(digest && { output: { to: { imageDigest: digest } } }),
    },
  };
}

it.each<[string, Told, string]>([
  ["its digest, though its reference was lost and the tag moved on", { to: streamTag, digest: a }, `${own}@${a}`],
  [
    "its digest, though its reference to another registry was lost",
    { to: image("quay.io/shop/cart:1"), digest: a },
    `quay.io/shop/cart@${a}`,
  ],
  ["its digest, though the tag moved on", { to: streamTag, digest: a, reference: `${own}:latest` }, `${own}@${a}`],
  ["what the tag had when it ended, without a digest", { to: streamTag, completed: "09:59:58" }, `${own}@${a}`],
  [
    "the nearest later image, without a digest and with clocks that differ",
    { to: streamTag, completed: "09:59:50" },
    `${own}@${a}`,
  ],
  [
    "the nearest later image of a reference by tag, with clocks that differ",
    { to: streamTag, reference: `${own}:latest`, completed: "09:59:50" },
    `${own}@${a}`,
  ],
])("a build's image is %s", async (_, told, expected) => {
  const { cluster } = await openTestCluster({ prepare: (api) => api.put("imagestreams", stream) });
  const outcome = classifyBuild(ended(told));
  if (outcome.kind !== "succeeded" || !outcome.outputs[0]) throw new Error(`The build is ${outcome.kind}`);
  expect(formatImageReference(await cluster.resolveImage(outcome.outputs[0], outcome.completedAt, signal))).toBe(expected);
});

const digest = digestOf("app-artifact");
const artifact = {
  from: image(`${internalRegistry}/shop/app-artifact@${digest}`),
  paths: [{ sourcePath: "/app", destinationDir: "." }],
};
const inline = (dockerfile: string, buildArgs: readonly object[] = []) => ({
  source: { dockerfile },
  strategy: { type: "Docker", dockerStrategy: { buildArgs } },
});

it.each<[string, Build["spec"] | object, string | undefined, readonly string[]]>([
  [
    "nothing when it only takes files from an image",
    { source: { images: [artifact] }, strategy: { dockerStrategy: {} } },
    undefined,
    [`${internalRegistry}/shop/app-artifact@${digest}`],
  ],
  [
    "nothing in a pipeline, whatever it takes files from",
    { source: { images: [artifact] }, strategy: { type: "JenkinsPipeline", jenkinsPipelineStrategy: {} } },
    undefined,
    [`${internalRegistry}/shop/app-artifact@${digest}`],
  ],
  [
    "its Dockerfile's image, beside the one it takes files from",
    { source: { dockerfile: "FROM centos:7\nCOPY app /app", images: [artifact] }, strategy: { dockerStrategy: {} } },
    "docker.io/library/centos:7",
    [`${internalRegistry}/shop/app-artifact@${digest}`],
  ],
  [
    "the source image that takes the place of its Dockerfile's",
    {
      source: { dockerfile: "FROM placeholder", images: [{ ...artifact, as: ["placeholder"] }] },
      strategy: { dockerStrategy: {} },
    },
    `${internalRegistry}/shop/app-artifact@${digest}`,
    [],
  ],
  [
    "its strategy's image, which goes before the Dockerfile's",
    { source: { dockerfile: "FROM centos:7" }, strategy: { dockerStrategy: { from: image("quay.io/shop/base:1") } } },
    "quay.io/shop/base:1",
    [],
  ],
  ["its Dockerfile's last image", inline("FROM golang:1 AS make\nRUN make\nFROM quay.io/ubi/micro:9"), "quay.io/ubi/micro:9", []],
  ["the base of the stage that the last one uses", inline("FROM golang:1 AS make\nFROM make"), "docker.io/library/golang:1", []],
  [
    "named by build arguments with defaults",
    inline("ARG HOST=quay.io\nARG BASE=$HOST/ubi/micro\nFROM ${BASE}:${TAG:-9}"),
    "quay.io/ubi/micro:9",
    [],
  ],
  [
    "the image its own argument names",
    inline("ARG TAG=7\nFROM centos:$TAG", [{ name: "TAG", value: "8" }]),
    "docker.io/library/centos:8",
    [],
  ],
  [
    "nothing when its argument comes from a secret",
    inline("ARG TAG=7\nFROM centos:$TAG", [{ name: "TAG", valueFrom: {} }]),
    undefined,
    [],
  ],
  ["nothing when an argument has no default", inline("ARG TAG\nFROM centos:$TAG"), undefined, []],
  ["nothing when it begins from scratch", inline("FROM golang:1 AS make\nFROM scratch\nCOPY --from=make /app /"), undefined, []],
])("a build is based on %s", (_, spec, base, inputs) => {
  const build = { ...ended({ to: streamTag }), spec: { ...spec, output: { to: streamTag } } } as Build;
  const outcome = classifyBuild(build);
  if (outcome.kind !== "succeeded") throw new Error(`The build is ${outcome.kind}`);
  expect(outcome.base && formatImageName(outcome.base)).toBe(base);
  expect((outcome.inputs ?? []).map(formatImageName)).toEqual(inputs);
});

const address = "172.30.1.1:5000";
const oldStream = {
  ...stream,
  status: {
    dockerImageRepository: `${address}/other/app`,
    tags: [
      {
        tag: "latest",
        items: [{ created: "2026-01-01T09:59:59Z", image: a, dockerImageReference: `${address}/other/app@${a}` }],
      },
    ],
  },
};

it.each<[string, string, object, string, boolean]>([
  ["and is known by it from the first build on", `${address}/other/app:latest`, oldStream, `${address}/other/app@${a}`, true],
  ["and owns an image whose digest is known", `${address}/other/app@${b}`, oldStream, `${address}/other/app@${b}`, true],
  [
    "and is told by the streams everybody may read",
    `${address}/none/app@${b}`,
    { ...oldStream, metadata: { namespace: "openshift", name: "nodejs" } },
    `${address}/none/app@${b}`,
    true,
  ],
  ["and does not own another address", "172.30.1.2:5000/other/app:latest", oldStream, "172.30.1.2:5000/other/app:latest", false],
  [
    "and is not what somebody wrote into a stream",
    `${address}/other/app:latest`,
    { ...oldStream, spec: { dockerImageRepository: `${address}/other/app` } },
    `${address}/other/app:latest`,
    false,
  ],
])("an old cluster's registry is named by address %s", async (_, reference, told, expected, isOwn) => {
  const { cluster } = await openTestCluster({ prepare: (api) => api.put("imagestreams", told as typeof oldStream) });
  const outcome = classifyBuild(ended({ to: streamTag, reference }));
  if (outcome.kind !== "succeeded" || !outcome.outputs[0]) throw new Error(`The build is ${outcome.kind}`);
  const resolved = await cluster.resolveImage(outcome.outputs[0], outcome.completedAt, signal);
  expect(formatImageReference(resolved)).toBe(expected);
  expect(cluster.ownsImage(resolved)).toBe(isOwn);
});

it("a registry by address is asked about no more once a stream has told the cluster's own", async () => {
  const { api, cluster } = await openTestCluster({ prepare: (started) => started.put("imagestreams", stream) });
  const elsewhere = { kind: "reference" as const, reference: { registry: address, repository: "other/app", digest: a } };
  for (let time = 0; time < 3; time++) await cluster.resolveImage(elsewhere, undefined, signal);
  expect(api.requests).toHaveLength(1);
});

it("a registry by address is asked about again while the API is down, lest its image go unpinned", async () => {
  const { api, cluster } = await openTestCluster({ prepare: (started) => started.put("imagestreams", oldStream) });
  const named = { kind: "reference" as const, reference: { registry: address, repository: "other/app", tag: "latest" } };
  api.fail("list", { status: 503 }, 10);
  await expect(cluster.resolveImage(named, undefined, signal)).rejects.toMatchObject({ reason: "ClusterUnavailable" });
});
