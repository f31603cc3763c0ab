import { expect, it } from "vitest";
import { formatImageReference } from "../../src/core/image-reference.ts";
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
