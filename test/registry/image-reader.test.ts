import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ImageReference, parseImageReference } from "../../src/core/images/image-reference.ts";
import { createImageReader, type ReadableImage } from "../../src/registry/reading/image-reader.ts";
import type { RegistryParts } from "../../src/registry/registry-parts.ts";
import { fastClock } from "../support/fast-clock.ts";
import { eitherOf, type Oddity, type OddRegistry, replies, startOddRegistry } from "../support/odd-registry.ts";
import { digestOf, type MadeImage, makeImage, makeIndex, makeLayer } from "../support/registry-images.ts";
import { openTestParts } from "../support/registry-parts.ts";

const signal = new AbortController().signal;
const imageType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

describe("reading an image", () => {
  let registry: OddRegistry;
  let parts: RegistryParts;

  beforeEach(async () => {
    registry = await startOddRegistry();
    parts = openTestParts();
  });
  afterEach(async () => {
    parts.close();
    await registry[Symbol.asyncDispose]();
  });

  async function open(name: string, opened = parts): Promise<{ image: ReadableImage; reference: ImageReference }> {
    const reference = parseImageReference(name);
    const image = await createImageReader(opened).open(reference, { side: "source", ownLogin: false }, signal);
    return { image, reference };
  }

  async function read(image: ReadableImage, digest: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of image.blob(digest as never, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  it("gives its manifests, each asked for once, and its blobs", async () => {
    const index = makeIndex();
    const { image, reference } = await open(registry.put("shop/app", index));
    const child = index.children[0] as MadeImage;
    for (const digest of [reference.digest, child.digest, child.digest]) await image.manifest(digest ?? "", signal);
    const [config = Buffer.alloc(0), layer = Buffer.alloc(0)] = child.blobs;
    expect(await read(image, digestOf(layer))).toEqual(layer);
    expect(await read(image, digestOf(config))).toEqual(config);
    expect(registry.asked.filter((request) => request.includes("/manifests/"))).toHaveLength(2);
  });

  /** A blob's first connections break in its middle. */
  const breaks = (count: number, ranges: boolean): Oddity => {
    let left = count;
    return (request, response, url) => {
      if (!url.includes("/blobs/")) return false;
      if (!ranges) delete request.headers.range;
      if (left-- <= 0) return false;
      const start = Number(/\d+/.exec(request.headers.range ?? "")?.[0] ?? 0);
      const part = layer.subarray(start, start + 100_000);
      response.writeHead(start > 0 ? 206 : 200, {
        "Content-Length": layer.length - start,
        ...(start > 0 && { "Content-Range": `bytes ${start}-${layer.length - 1}/${layer.length}` }),
      });
      response.write(part, () => response.destroy());
      return true;
    };
  };
  const layer = makeLayer(300_000);

  it.each([
    ["with ranges", true],
    ["without ranges", false],
  ])("goes on where a connection broke, at a registry %s", async (_, ranges) => {
    const { image, reference } = await open(registry.put("shop/app", makeImage({ layers: [layer] })));
    await image.manifest(reference.digest ?? "", signal);
    registry.oddity = breaks(2, ranges);
    expect((await read(image, digestOf(layer))).equals(layer)).toBe(true);
  });

  it.each<[string, Oddity, object]>([
    ["with other contents", replies("GET", /blobs/, 200, makeLayer(300_000)), { reason: "ImageDamaged" }],
    ["longer than it says", replies("GET", /blobs/, 200, makeLayer(600_000)), { reason: "CopyFailed" }],
    ["not at all", replies("GET", /blobs/, 404), { reason: "ImageNotFound" }],
    [
      "never to its end",
      (request) => !!request.url?.includes("/blobs/") && !!request.socket.destroy(),
      { reason: "RegistryUnavailable" },
    ],
  ])("fails when a blob comes %s", async (_, oddity, expected) => {
    const { image, reference } = await open(registry.put("shop/app", makeImage({ layers: [layer] })));
    await image.manifest(reference.digest ?? "", signal);
    registry.oddity = oddity;
    await expect(read(image, digestOf(layer))).rejects.toMatchObject(expected);
  });

  it("waits for no registry that goes silent in a blob", async () => {
    parts = openTestParts({ clock: fastClock(20) });
    const { image, reference } = await open(registry.put("shop/app", makeImage({ layers: [layer] })));
    await image.manifest(reference.digest ?? "", signal);
    registry.oddity = (_, response, url) => url.includes("/blobs/") && !!response.writeHead(200).write("a");
    await expect(read(image, digestOf(layer))).rejects.toThrow(/sends the blob sha256:\w+ too slowly/);
  });

  it.each([
    ["another image's", makeImage().manifest, imageType, /with other contents/],
    [
      "another image's, called schema 1",
      makeImage().manifest,
      "application/vnd.docker.distribution.manifest.v1+json",
      /not what its media type says/,
    ],
    ["a page", Buffer.from("<html>"), "text/html; charset=utf-8", /answers .* with text\/html.*not an answer of a registry/],
  ])("refuses a manifest that is %s", async (_, body, type, message) => {
    const { image, reference } = await open(registry.put("shop/app", makeImage()));
    registry.oddity = replies("GET", /manifests/, 200, body, { "Content-Type": type });
    await expect(image.manifest(reference.digest ?? "", signal)).rejects.toThrow(message);
  });

  it.each([
    "null",
    "[]",
    '{"layers":5}',
    '{"schemaVersion":2,"config":{},"layers":[null]}',
    '{"manifests":"x"}',
    "{",
    "7",
    '{"manifests":[{"digest":"sha256:1"}]}',
  ])("says clearly, and once and for all, that a manifest like %s is malformed", async (text) => {
    const made = {
      digest: digestOf(Buffer.from(text)),
      mediaType: imageType,
      manifest: Buffer.from(text),
      blobs: [],
      children: [],
    };
    const { image, reference } = await open(registry.put("shop/app", made));
    const failure = image.manifest(reference.digest ?? "", signal);
    await expect(failure).rejects.toThrow(/^The manifest sha256:\w{64} is malformed: /);
    await expect(failure).rejects.toMatchObject({ reason: "CopyFailed", retryable: false });
  });

  it("parses no manifest with so many values that the bot would do nothing else meanwhile", async () => {
    const text = Buffer.from(`{"schemaVersion":2,"annotations":[${"[],".repeat(200_000)}[]]}`);
    const made = { digest: digestOf(text), mediaType: imageType, manifest: text, blobs: [], children: [] };
    const { image, reference } = await open(registry.put("shop/app", made));
    const failure = image.manifest(reference.digest ?? "", signal);
    await expect(failure).rejects.toMatchObject({ message: expect.stringContaining("more values than any"), retryable: false });
  });

  it("ends an endless chain of indexes, and a list that names ever more manifests", async () => {
    const chain: Oddity = (_, response, url) => {
      if (!url.includes("/manifests/")) return false;
      const next = { digest: digestOf(Buffer.from(url)), size: 1, mediaType: indexType };
      response.writeHead(200, { "Content-Type": indexType }).end(JSON.stringify({ schemaVersion: 2, manifests: [next] }));
      return true;
    };
    registry.oddity = chain;
    const { image } = await open(`${registry.host}/shop/app:latest`);
    const first = await image.manifest("latest", signal);
    const child = (JSON.parse(first.bytes.toString()) as { manifests: { digest: string }[] }).manifests[0]?.digest ?? "";
    registry.oddity = () => false;
    const inner = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [{ digest: child, size: 1 }] }));
    registry.put("shop/app", { digest: digestOf(inner), mediaType: indexType, manifest: inner, blobs: [], children: [] });
    const outer = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [{ digest: digestOf(inner), size: 1 }] }));
    const nested = { digest: digestOf(outer), mediaType: indexType, manifest: outer, blobs: [], children: [] };
    const { image: second } = await open(registry.put("shop/app", nested));
    await second.manifest(nested.digest, signal);
    await expect(second.manifest(digestOf(inner), signal)).rejects.toThrow(/an index that names further indexes/);
    const many = async () => {
      for (let count = 0; count < 300; count++) await second.manifest(`tag-${count}`, signal).catch(rethrowUnlessMissing);
    };
    await expect(many()).rejects.toThrow(/more than 200 manifests/);
  });

  it("reads of a manifest no more than a registry takes itself", async () => {
    registry.oddity = eitherOf(
      replies("GET", /manifests/, 200, Buffer.alloc(5 * 1024 * 1024, 0x20), { "Content-Type": imageType }),
    );
    const { image } = await open(`${registry.host}/shop/app:latest`);
    await expect(image.manifest("latest", signal)).rejects.toThrow(/the answer is longer than 4194304 bytes/);
  });

  it("gives a manifest one deadline for its whole answer, however many bytes drip", async () => {
    parts = openTestParts({ clock: fastClock(20) });
    registry.oddity = (_, response, url) => {
      if (!url.includes("/manifests/")) return false;
      response.writeHead(200, { "Content-Type": imageType });
      const drip = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(drip));
      return true;
    };
    const { image } = await open(`${registry.host}/shop/app:latest`);
    await expect(image.manifest("latest", signal)).rejects.toThrow(/no complete answer within 60 s/);
  });
});

function rethrowUnlessMissing(error: unknown): void {
  if (!String(error).includes("does not have the manifest")) throw error;
}
