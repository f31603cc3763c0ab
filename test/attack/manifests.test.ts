import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { createImageReader } from "../../src/registry/reading/image-reader.ts";
import { readManifest } from "../../src/registry/reading/manifest.ts";
import type { RegistryParts } from "../../src/registry/registry-parts.ts";
import { type OddRegistry, startOddRegistry } from "../support/odd-registry.ts";
import { digestOf, makeImage } from "../support/registry-images.ts";
import { openTestParts } from "../support/registry-parts.ts";

const signal = new AbortController().signal;
const types = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.oci.artifact.manifest.v1+json",
];

describe("a manifest of a hostile registry", () => {
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

  /** What comes of reading a digest that the registry answers with this body. */
  async function answered(body: string, type: string): Promise<unknown> {
    const { digest } = makeImage();
    registry.oddity = (_, response, url) => {
      if (!url.includes("/manifests/")) return false;
      response.writeHead(200, { "Content-Type": type }).end(body);
      return true;
    };
    const reference = parseImageReference(`${registry.host}/evil/app@${digest}`);
    const image = await createImageReader(parts).open(reference, { side: "source", ownLogin: false }, signal);
    return image.manifest(digest, signal).catch((error: unknown) => error);
  }

  it.each(types)("with other contents than its digest says is refused, whatever its type: %s", async (type) => {
    const other = JSON.parse(makeImage().manifest.toString());
    for (const mediaType of [type, undefined]) {
      expect(await answered(JSON.stringify({ ...other, mediaType }), type)).toMatchObject({
        reason: "CopyFailed",
        message: expect.stringMatching(/other contents|not what its media type says/),
      });
    }
  });

  const digest = digestOf(Buffer.from("x"));
  const malformed: readonly unknown[] = [
    null,
    [],
    [null],
    5,
    "text",
    { layers: 5 },
    { layers: {} },
    { layers: [null] },
    { layers: [[]] },
    { layers: [{ digest: 7 }] },
    { layers: [{ digest, size: "much" }] },
    { layers: [{ digest, size: -1 }] },
    { manifests: { 0: { digest } } },
    { manifests: [{ digest: "sha512:abc" }] },
    { config: 7, layers: [] },
    { layers: Array(1_001).fill({ digest }) },
    { manifests: Array(1_001).fill({ digest }) },
  ];

  it.each(malformed.map((value) => [JSON.stringify(value).slice(0, 60), value]))(
    "that is malformed is the image's own final failure, and no fault of ours: %s",
    async (_, value) => {
      const bytes = Buffer.from(JSON.stringify(value));
      for (const kind of ["image", "index", "schema1"] as const) {
        const read = () => readManifest({ bytes, digest, kind });
        if (kind === "schema1" && typeof value === "object" && value !== null && !Array.isArray(value)) continue;
        expect(read).toThrow(expect.objectContaining({ reason: "CopyFailed", retryable: false }));
      }
      expect(await answered(bytes.toString(), types[0] ?? "")).toMatchObject({ name: "JobError" });
    },
  );
});
