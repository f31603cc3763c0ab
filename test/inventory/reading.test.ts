import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTestInventory, type TestInventory } from "../support/inventory.ts";
import { makeFileLayer, makeTar } from "../support/layers.ts";
import { type OddRegistry, startOddRegistry } from "../support/odd-registry.ts";
import { digestOf, type MadeImage, makeImage } from "../support/registry-images.ts";

const status = (...packages: readonly string[]) =>
  packages.map((one) => `Package: ${one}\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n`).join("\n");
const debian = { "etc/os-release": 'ID=debian\nVERSION_ID="12"\n', "var/lib/dpkg/status": status("bash", "curl") };

describe("an image in a registry", () => {
  let registry: OddRegistry;
  let test: TestInventory;

  beforeEach(async () => {
    [registry, test] = [await startOddRegistry(), await openTestInventory()];
  });
  afterEach(async () => {
    await test[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  const blobsAsked = () => registry.asked.filter((request) => request.includes("/blobs/")).length;

  it("is read once, and its layers once for all images that have them", async () => {
    const base = await makeFileLayer(debian);
    const images = await Promise.all(
      ["a", "b", "c"].map(async (name) => {
        const own = await makeFileLayer({
          [`app/node_modules/${name}/package.json`]: JSON.stringify({ name, version: "1.0.0" }),
        });
        return registry.put(`shop/${name}`, makeImage({ layers: [base, own] }));
      }),
    );
    const lists = await Promise.all(images.map((image) => test.list(image)));
    expect(lists).toEqual(["a", "b", "c"].map((name) => ["bash 1.0-1", "curl 1.0-1", `${name} 1.0.0`]));
    expect(registry.asked.filter((request) => request.includes(digestOf(base)))).toHaveLength(1);
    const before = blobsAsked();
    await Promise.all(images.map(test.list));
    expect(blobsAsked()).toBe(before);
  });

  it("for several platforms is read for each", async () => {
    const children = await Promise.all(
      ["amd64", "s390x"].map(async (architecture) =>
        makeImage({
          architecture,
          layers: [await makeFileLayer({ ...debian, "var/lib/dpkg/status": status(`only-${architecture}`) })],
        }),
      ),
    );
    const index = indexOf(children);
    const { contents } = await test.read(registry.put("shop/app", index));
    expect(contents.map(({ platform, count }) => [platform, count])).toEqual([
      ["linux/amd64", 1],
      ["linux/s390x", 1],
    ]);
    const { matches } = await test.inventory.known.find({ name: "only-s390x" }, 10);
    expect(matches).toMatchObject([{ image: index.digest, content: { platform: "linux/s390x" } }]);
  });

  it("packed in any way is read", async () => {
    const tar = await makeTar(debian);
    for (const layer of [tar, gzipSync(tar)]) {
      expect(await test.list(registry.put("shop/app", makeImage({ layers: [layer] })))).toEqual(["bash 1.0-1", "curl 1.0-1"]);
    }
  });

  it("whose layer has other bytes than its digest says ends with that reason, and nothing of it is kept", async () => {
    const image = makeImage({ layers: [await makeFileLayer(debian)] });
    const other = await makeFileLayer({ ...debian, "var/lib/dpkg/status": status("forged") });
    const name = registry.put("shop/app", image);
    registry.oddity = (_, response, url) => {
      if (!url.includes(digestOf(image.blobs[1] as Buffer))) return false;
      response.end(Buffer.concat([other, Buffer.alloc(1_000)]).subarray(0, (image.blobs[1] as Buffer).length));
      return true;
    };
    await expect(test.read(name)).rejects.toMatchObject({ reason: "ImageDamaged", retryable: false });
    expect((await test.inventory.known.find({ name: "forged" }, 10)).matches).toEqual([]);
    registry.oddity = () => false;
    expect(await test.list(name)).toEqual(["bash 1.0-1", "curl 1.0-1"]);
  });

  it("that one job gives up is still read for the other that waits for it", async () => {
    const name = registry.put("shop/app", makeImage({ layers: [await makeFileLayer(debian)] }));
    const control = new AbortController();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    let first = true;
    registry.oddity = (request, _, url) => {
      if (!url.includes("/blobs/") || !first) return false;
      first = false;
      asked.resolve();
      void answer.promise.then(() => request.socket.destroy());
      return true;
    };
    const left = test.read(name, control.signal);
    await asked.promise;
    const kept = test.read(name);
    control.abort(new Error("given up"));
    await expect(left).rejects.toThrow("given up");
    answer.resolve();
    expect((await kept).contents[0]?.count).toBe(2);
  });

  it.each([
    [
      "an artifact",
      manifestOf({ config: { mediaType: "application/vnd.cncf.helm.config.v1+json" } }),
      /no container image but an artifact/,
    ],
    [
      "an encrypted layer",
      manifestOf({ layer: "application/vnd.oci.image.layer.v1.tar+gzip+encrypted" }),
      /layer 1 was not read: it is encrypted/,
    ],
    [
      "a foreign layer",
      manifestOf({ layer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" }),
      /layer 1 was not read: it is foreign/,
    ],
  ])("with %s is unknown, in a clear word", async (_, image, reason) => {
    const { contents } = await test.read(registry.put("shop/odd", image));
    expect(contents[0]).toMatchObject({ completeness: "unknown", count: 0 });
    expect(contents[0]?.reasons[0]).toMatch(reason);
  });
});

function indexOf(children: readonly MadeImage[]): MadeImage {
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const manifests = children.map((child, at) => ({
    mediaType: child.mediaType,
    size: child.manifest.length,
    digest: child.digest,
    platform: { os: "linux", architecture: ["amd64", "s390x"][at] },
  }));
  const attestation = { mediaType: "application/vnd.oci.image.manifest.v1+json", size: 2, digest: `sha256:${"0".repeat(64)}` };
  const attached = { ...attestation, platform: { os: "unknown", architecture: "unknown" } };
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [...manifests, attached] }));
  return { digest: digestOf(manifest), mediaType, manifest, blobs: [], children };
}

/** An image whose manifest calls its parts what it likes. */
function manifestOf({
  config = {},
  layer = "application/vnd.oci.image.layer.v1.tar",
}: {
  config?: object;
  layer?: string;
}): MadeImage {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const blobs = [
    Buffer.from('{"os":"linux","architecture":"amd64"}'),
    Buffer.from(createHash("sha256").update(layer).digest("hex")),
  ];
  const [one, two] = blobs.map((blob) => ({ size: blob.length, digest: digestOf(blob) }));
  const fields = {
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...one, ...config },
    layers: [{ mediaType: layer, ...two }],
  };
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  return { digest: digestOf(manifest), mediaType, manifest, blobs, children: [] };
}
