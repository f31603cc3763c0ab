import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatImageReference, parseImageReference } from "../../src/core/images/image-reference.ts";
import { createImageReader } from "../../src/registry/reading/image-reader.ts";
import { lookAt } from "../../src/registry/reading/look.ts";
import type { RegistryParts } from "../../src/registry/registry-parts.ts";
import { type OddRegistry, replies, startOddRegistry } from "../support/odd-registry.ts";
import { digestOf, type MadeImage, makeImage, makeIndex } from "../support/registry-images.ts";
import { openTestParts } from "../support/registry-parts.ts";

const signal = new AbortController().signal;
const digest = digestOf(Buffer.from("base"));
const names = { "org.opencontainers.image.base.name": "quay.io/base/go:1.24", "org.opencontainers.image.base.digest": digest };
const base = `quay.io/base/go@${digest}`;

describe("a look at an image in its registry", () => {
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

  async function look(name: string) {
    const image = await createImageReader(parts).open(parseImageReference(name), { side: "source", ownLogin: false }, signal);
    const found = await lookAt(image, signal);
    return found.kind === "absent" ? "absent" : { digest: found.digest, base: found.base && formatImageReference(found.base) };
  }

  it.each<[string, MadeImage, string | undefined]>([
    ["labels of its configuration", makeImage({ labels: names }), base],
    ["annotations of its manifest", makeImage({ annotations: names }), base],
    [
      "annotations before labels that it inherited",
      makeImage({ annotations: names, labels: { ...names, "org.opencontainers.image.base.name": "quay.io/older" } }),
      base,
    ],
    ["annotations of an index", makeIndex(["amd64", "arm64"], { annotations: names }), base],
    ["the first image of an index", makeIndex(["amd64", "arm64"], { labels: names }), base],
    [
      "a name without digest",
      makeImage({ labels: { "org.opencontainers.image.base.name": "quay.io/base/go:1.24" } }),
      "quay.io/base/go:1.24",
    ],
    [
      "a digest that is none",
      makeImage({ labels: { ...names, "org.opencontainers.image.base.digest": "sha256:x" } }),
      "quay.io/base/go:1.24",
    ],
    ["nothing", makeImage(), undefined],
    ["nothing but emptiness", makeImage({ labels: { "org.opencontainers.image.base.name": "scratch" } }), undefined],
    [
      "what is no name",
      makeImage({ labels: { "org.opencontainers.image.base.name": "https://evil\n.example.com/../x" } }),
      undefined,
    ],
    ["labels that are none", makeImage({ labels: [7], annotations: "x" }), undefined],
    ["a configuration that is far too large", makeImage({ labels: { ...names, more: "x".repeat(1_100_000) } }), undefined],
  ])("finds its base image by %s", async (_, image, expected) => {
    expect(await look(registry.put("shop/app", image, "1"))).toEqual({ digest: image.digest, base: expected });
    expect(await look(`${registry.host}/shop/app:1`)).toEqual({ digest: image.digest, base: expected });
  });

  it("says that there is none, and nothing where the registry does not tell", async () => {
    expect(await look(`${registry.host}/shop/app@${digest}`)).toBe("absent");
    registry.oddity = replies("GET", /manifests/, 403, "{}");
    await expect(look(`${registry.host}/shop/app@${digest}`)).rejects.toMatchObject({ reason: "RegistryDenied" });
  });
});
