import { gzipSync } from "node:zlib";
import { expect, it, onTestFinished } from "vitest";
import type { Digest } from "../../src/core/images/image-reference.ts";
import type { ReachableImage } from "../../src/inventory/inventory.ts";
import { describeManifest } from "../../src/inventory/layers/manifest.ts";
import { createImageReader } from "../../src/inventory/read-image.ts";
import type { AssembleParts } from "../../src/inventory/reading/messages.ts";
import { createReaders, ReaderError, type Readers } from "../../src/inventory/reading/readers.ts";
import { makeFileLayer } from "../support/layers.ts";
import { tarHeader } from "../support/tar.ts";

const signal = new AbortController().signal;
const digestOf = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const image: ReachableImage = {
  reference: { registry: "registry.example.com", repository: "shop/app", digest: digestOf("f") },
  manifest: async () => ({ digest: digestOf("f"), mediaType: "", bytes: Buffer.alloc(0) }),
  blob: async function* () {},
};

/** Reads an image of these layers. So many bytes are found in each, and the first attempts to put them together fail. */
async function read(layers: readonly Digest[], found: number, failures = 0) {
  const assembled: AssembleParts[] = [];
  let reads = 0;
  let left = failures;
  const answers = {
    describe: () => ({ kind: "image", config: digestOf("c"), layers: layers.map((digest) => ({ digest, size: 1 })) }),
    assemble(parts: AssembleParts) {
      assembled.push(parts);
      if (left-- > 0) throw new ReaderError("it takes more memory than is allowed");
      return { packed: new Uint8Array(), summary: { reasons: parts.reasons } };
    },
  };
  const readers = {
    ask: async (task: "describe" | "assemble", ask: never) => answers[task](ask),
    async readLayer() {
      reads++;
      return new Uint8Array(found);
    },
  };
  const store = { layer: async () => undefined, keepLayer: async () => {} };
  const { isSettled } = await createImageReader({ store, readers: readers as unknown as Readers })(image, signal);
  return { parts: assembled.at(-1), reads, isSettled };
}

it("an image that names the same layer a thousand times has it once in memory", async () => {
  const { parts, reads } = await read(Array<Digest>(1_000).fill(digestOf("a")), 1_000_000);
  expect(reads).toBe(1);
  expect(new Set(parts?.contents).size).toBe(1);
  expect(parts?.reasons).toEqual([]);
});

it("an image of an index that is for a platform is read, also where it is called an attachment", () => {
  const child = (letter: string, architecture: string, more: object) => ({
    digest: digestOf(letter),
    platform: { os: architecture === "unknown" ? "unknown" : "linux", architecture },
    ...more,
  });
  const attached = { annotations: { "vnd.docker.reference.type": "attestation-manifest" } };
  const manifests = [
    child("a", "amd64", attached),
    child("b", "arm64", { artifactType: "application/spdx+json" }),
    child("c", "unknown", attached),
    { digest: digestOf("d"), artifactType: "application/spdx+json" },
  ];
  const described = describeManifest("application/vnd.oci.image.index.v1+json", Buffer.from(JSON.stringify({ manifests })));
  expect(described).toMatchObject({ platforms: [{ platform: "linux/amd64" }, { platform: "linux/arm64" }] });
});

it("what is found in all layers of an image has a limit, and says so", async () => {
  const { parts } = await read([digestOf("a"), digestOf("b")], 40 * 1024 * 1024);
  expect(parts?.contents.filter((contents) => contents !== undefined)).toHaveLength(1);
  expect(parts?.reasons).toEqual([expect.stringMatching(/^layer 2 was not read: .* more than 67108864 bytes$/)]);
});

it("layers that cannot be put together make an image of which nothing is known, with the reason", async () => {
  const { parts, isSettled } = await read([digestOf("a")], 10, 1);
  expect(parts).toMatchObject({ contents: [], reasons: [expect.stringContaining("it takes more memory than is allowed")] });
  expect(isSettled).toBe(false);
});

it.each([
  ["nothing", () => new Promise<void>(() => {})],
  ["a little now and then", () => new Promise<void>((resolve) => void setTimeout(resolve, 20))],
])("a registry that sends %s of a layer holds up no other image", async (_, wait) => {
  const readers = createReaders({ threads: 1, patience: 120_000 });
  onTestFinished(() => readers.close());
  const given = new AbortController();
  async function* slow(): AsyncGenerator<Buffer> {
    while (!given.signal.aborted) {
      yield Buffer.alloc(512);
      await wait();
    }
  }
  const held = readers.readLayer(slow(), given.signal).catch((error: unknown) => error);
  expect((await readers.readLayer(quick(await makeFileLayer({ "etc/hostname": "victim" })), signal)).length).toBeGreaterThan(0);
  given.abort(new Error("the test is over"));
  expect(await held).toMatchObject({ message: "the test is over" });
});

it("a registry that is silent in the middle of a large file gives way to other images, so that their memory does not add up", async () => {
  const readers = createReaders({ threads: 1, patience: 120_000 });
  onTestFinished(() => readers.close());
  const large = gzipSync(Buffer.concat([tarHeader({ name: "a.jar", size: 100_000_000 }), Buffer.alloc(90_000_000)]), {
    level: 1,
  });
  async function* silent(): AsyncGenerator<Buffer> {
    yield large;
    await new Promise<void>(() => {});
  }
  const held = readers.readLayer(silent(), signal).catch((error: unknown) => error);
  expect((await readers.readLayer(quick(await makeFileLayer({ "etc/hostname": "victim" })), signal)).length).toBeGreaterThan(0);
  expect(await held).toMatchObject({ message: expect.stringContaining("its registry sends it too slowly") });
});

async function* quick(layer: Buffer): AsyncGenerator<Buffer> {
  yield Buffer.from(layer);
}
