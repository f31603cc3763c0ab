import { describe, expect, it } from "vitest";
import {
  digestOfTag,
  type ImageStream,
  imageOfDigest,
  imageOfTag,
  readImageStream,
} from "../../../src/cluster/images/image-streams.ts";
import { createRegistryHosts } from "../../../src/cluster/images/registry-hosts.ts";
import { formatImageReference } from "../../../src/core/images/image-reference.ts";
import { digestOf, internalRegistry, recordedImageStreams } from "../../support/fixtures.ts";

const recordedStream = (name: string) => recordedImageStreams().find(({ metadata }) => metadata.name === name) as ImageStream;
const world = recordedStream("go-hello-world");
const repository = `${internalRegistry}/golang-builder/go-hello-world`;

/** A stream whose tag `1` has two images, imported from quay.io at noon and at one o'clock. */
function aStream(policy: string | undefined, traits: Partial<ImageStream["status"]> = {}): ImageStream {
  const item = (name: string, created: string) => ({
    created,
    image: digestOf(name),
    dockerImageReference: `quay.io/shop/app@${digestOf(name)}`,
  });
  return {
    metadata: { namespace: "shop", name: "app" },
    spec: { tags: [{ name: "1", ...(policy && { referencePolicy: { type: policy } }) }] },
    status: {
      dockerImageRepository: `${internalRegistry}/shop/app`,
      tags: [{ tag: "1", items: [item("new", "2026-01-01T13:00:00Z"), item("old", "2026-01-01T12:00:00Z")] }],
      ...traits,
    },
  };
}

const shown = (found: ReturnType<typeof imageOfTag>) => ("image" in found ? formatImageReference(found.image) : found.because);

describe("the image of a tag", () => {
  it.each([
    [undefined, "365c7c"],
    ["2026-11-21T05:52:50Z", "365c7c"],
    ["2026-11-21T05:52:40Z", "cf002c"],
    ["2026-11-21T05:50:00Z", "2af9f7"],
    ["nonsense", "365c7c"],
  ])("as of %s begins with %s", (at, digest) => {
    expect(shown(imageOfTag(world, "1.0", at))).toContain(`@sha256:${digest}`);
    expect(digestOfTag(world, "1.0", at)).toContain(`sha256:${digest}`);
  });

  it("is the oldest one for a time before its history begins", () => {
    expect(shown(imageOfTag(world, "1.0", "2026-11-20T00:00:00Z"))).toContain("@sha256:2af9f7");
    expect(digestOfTag(world, "1.0", "2026-11-20T00:00:00Z")).toContain("sha256:2af9f7");
  });

  it("is the nearest later one when nothing older can be read", () => {
    const item = (name: string, hour: string) => ({
      created: `2026-01-01T${hour}:00:00Z`,
      dockerImageReference: `quay.io/shop/app@${digestOf(name)}`,
    });
    const unreadable = { created: "2026-01-01T09:00:00Z", dockerImageReference: "Not a Reference" };
    const items = [item("newest", "13"), item("nearest", "12"), unreadable];
    const stream = aStream(undefined, { tags: [{ tag: "1", items }] });
    expect(shown(imageOfTag(stream, "1", "2026-01-01T10:00:00Z"))).toBe(`quay.io/shop/app@${digestOf("nearest")}`);
  });

  it("is the repository it was imported from, as each item of the history has it", () => {
    expect(shown(imageOfTag(world, "1.0", "2026-11-21T05:50:00Z"))).toMatch(
      /^127\.0\.0\.1:5055\/golang-builder\/go-hello-world@/,
    );
    expect(shown(imageOfTag(world, "1.0", undefined))).toBe(
      `${repository}@sha256:365c7c2485cc49707d491a5ee52f2f17719a97ecc408c686e8b8f3b842638e00`,
    );
  });

  it.each([
    [undefined, `quay.io/shop/app@${digestOf("new")}`],
    ["Source", `quay.io/shop/app@${digestOf("new")}`],
    ["Local", `${internalRegistry}/shop/app@${digestOf("new")}`],
  ])("with referencePolicy %s is %s", (policy, image) => {
    expect(shown(imageOfTag(aStream(policy), "1", undefined))).toBe(image);
  });

  it("is its source's where the policy says Local but the cluster has no registry", () => {
    expect(shown(imageOfTag(aStream("Local", { dockerImageRepository: "" }), "1", undefined))).toBe(
      `quay.io/shop/app@${digestOf("new")}`,
    );
  });

  it("is an older one when the newest cannot be read", () => {
    const items = [
      { image: "", dockerImageReference: "Not a Reference" },
      { dockerImageReference: `quay.io/a/b@${digestOf("b")}` },
    ];
    expect(shown(imageOfTag(aStream(undefined, { tags: [{ tag: "1", items }] }), "1", undefined))).toContain("quay.io/a/b@");
  });

  it("is what a tag points to that is never imported", () => {
    const from = { kind: "DockerImage", name: "quay.io/shop/base:3" };
    const stream: ImageStream = { spec: { tags: [{ name: "base", reference: true, from }] } };
    expect(shown(imageOfTag(stream, "base", undefined))).toBe("quay.io/shop/base:3");
  });
});

describe("an image of a stream by digest", () => {
  it("has the name its history gives it", () => {
    const found = imageOfDigest(world, "sha256:2af9f7362b1e271d29e60ef2c6151fd3f74002d03371e3c36ea44a0b739da746");
    expect(shown(found)).toContain("127.0.0.1:5055/golang-builder/go-hello-world@sha256:2af9f7");
  });

  it("has the stream's own name when its history was pruned", () => {
    expect(shown(imageOfDigest(world, digestOf("gone")))).toBe(`${repository}@${digestOf("gone")}`);
  });
});

describe("a stream as a whole", () => {
  it("may have tens of thousands of tags: each is looked at a few times, and other work runs in between", async () => {
    const many = 5_000;
    let [looks, others] = [0, 0];
    const named = (key: string, prefix: string) =>
      Array.from({ length: many }, (_, at) => ({
        get [key]() {
          looks++;
          return `${prefix}${at}`;
        },
      }));
    setImmediate(() => others++);
    const sightings = await readImageStream({ spec: { tags: named("name", "s") }, status: { tags: named("tag", "t") } });
    expect(sightings).toHaveLength(2 * many + 1);
    expect(looks).toBeLessThan(10 * many);
    expect(others).toBe(1);
    looks = 0;
    const items = [{ image: digestOf("x"), dockerImageReference: "Not a Reference" }];
    const tags = named("tag", "t").map((tag) => Object.assign(tag, { items }));
    expect(imageOfDigest({ spec: { tags: named("name", "s") }, status: { tags } }, digestOf("x"))).toHaveProperty("because");
    expect(looks).toBeLessThan(10 * many);
  });

  it("is none the worse for fields of odd kinds", async () => {
    for (const odd of [{ toString: 1, valueOf: 1 }, [[[]]], 7, null, "x".repeat(100_000), "275760-13-99T99:99:99Z"]) {
      const item = { created: odd, image: odd, dockerImageReference: odd };
      const conditions = [{ type: "ImportSuccess", status: "False", reason: odd, message: odd }];
      const tag = { tag: "1", items: [item], conditions };
      const stream = {
        metadata: { name: odd, namespace: odd },
        spec: { dockerImageRepository: odd, tags: [{ name: "1", from: odd, referencePolicy: odd }, { name: odd }] },
        status: { dockerImageRepository: odd, publicDockerImageRepository: odd, tags: [tag, { tag: odd, items: odd }] },
      } as unknown as ImageStream;
      const told = await readImageStream(stream);
      expect(told[0]).toMatchObject({ kind: "skipped", tag: "1" });
      for (const sighting of told) if (sighting.kind === "skipped") expect(sighting.because.length).toBeLessThan(2_500);
      expect(imageOfTag(stream, "1", "2026-01-01T00:00:00Z")).toHaveProperty("because");
      createRegistryHosts(undefined).learn(stream);
    }
  });

  it("shows each tag's newest image and ends with the stream", async () => {
    expect(await readImageStream(world)).toMatchObject([
      {
        kind: "image",
        stream: "golang-builder/go-hello-world",
        tag: "1.0",
        image: { digest: expect.stringContaining("365c7c") },
      },
      { kind: "stream", stream: "golang-builder/go-hello-world" },
    ]);
  });

  it("says why a failed import is left out", async () => {
    const because = expect.stringMatching(/NotFound.*"127\.0\.0\.1:5055\/nowhere\/missing:1" not found/);
    expect((await readImageStream(recordedStream("legacy-app")))[0]).toEqual({
      kind: "skipped",
      stream: "golang-builder/legacy-app",
      tag: "broken",
      because,
    });
  });

  it("keeps the last good image of a tag whose import fails now", async () => {
    const conditions = [{ type: "ImportSuccess", status: "False", reason: "Unauthorized", message: "no" }];
    const [tag] = aStream(undefined).status?.tags ?? [];
    expect((await readImageStream(aStream(undefined, { tags: [{ ...tag, conditions }] })))[0]).toMatchObject({ kind: "image" });
  });

  it.each([
    ["a tag not imported yet", { spec: { tags: [{ name: "1" }] } }, "no image yet"],
    ["a tag that only points elsewhere", { spec: { tags: [{ name: "1", reference: true }] } }, "only points"],
  ])("leaves out %s", async (_, stream: ImageStream, because) => {
    expect((await readImageStream(stream))[0]).toMatchObject({
      kind: "skipped",
      tag: "1",
      because: expect.stringContaining(because),
    });
  });

  it.each([
    {},
    { status: null },
    { status: { tags: null } },
    { status: { tags: [null, { tag: 7, items: {} }] }, spec: { tags: "x" } },
  ])("may be %j", async (stream) => {
    expect(await readImageStream(stream as ImageStream)).toEqual([{ kind: "stream", stream: "/" }]);
  });
});
