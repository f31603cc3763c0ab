import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AnalysisImage } from "../../../src/analyzers/analyzer.ts";
import type { DocumentWish } from "../../../src/analyzers/documents/documents.ts";
import { openDocuments } from "../../../src/app/opening/documents.ts";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import { cycloneDx, makeArtifact, makeReferrers, spdx, tagFor } from "../../support/artifacts.ts";
import { openTestInventory, type TestInventory } from "../../support/inventory.ts";
import { makeFileLayer } from "../../support/layers.ts";
import { type OddRegistry, replies, startOddRegistry } from "../../support/odd-registry.ts";
import { digestOf, type MadeImage, makeImage } from "../../support/registry-images.ts";

const signal = new AbortController().signal;
const cyclone = "application/vnd.cyclonedx+json";
const status = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n";
const both = { formats: ["cyclonedx", "spdx"] } as const;

describe("the bill of materials that services get", () => {
  let registry: OddRegistry;
  let test: TestInventory;
  let layer: Buffer;
  let image: MadeImage;
  let name: string;
  let attached: MadeImage[] = [];

  beforeAll(async () => {
    [registry, test] = [await startOddRegistry(), await openTestInventory()];
    layer = await makeFileLayer({ "etc/os-release": "ID=debian\n", "var/lib/dpkg/status": status });
  });
  beforeEach(async () => {
    registry.oddity = () => false;
    attached = [];
    image = makeImage({ layers: [layer, await makeFileLayer({ [`tmp/${crypto.randomUUID()}`]: "" })] });
    name = registry.put("shop/app", image);
  });
  afterAll(async () => {
    await test[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  /** Referrers as a registry without the API has them. */
  function attach(mediaType: string, bytes: Buffer, options: { subject?: MadeImage; created?: string } = {}): void {
    attached.push(makeArtifact({ mediaType, bytes, subject: image, ...options }));
    registry.put("shop/app", makeReferrers(attached), tagFor(image));
  }

  function documentOf(wish: DocumentWish = both, more: Partial<AnalysisImage> = {}, places = ["attached", "inventory"]) {
    const reading = { ...test, copies: () => Promise.reject(new Error("nothing is written")) };
    const documents = openDocuments({ sbomSource: places, sbomVersion: "1.6" }, reading);
    return documents.documentOf({ reference: parseImageReference(name), verifyTls: false, ...more }, wish, signal);
  }
  const namesIn = (text: string) => {
    const { components, packages } = JSON.parse(text) as { components?: { name: string }[]; packages?: { name: string }[] };
    return (components ?? packages ?? []).map((one) => one.name);
  };

  it("is made of what lies in the image where nothing is attached", async () => {
    const { text, notes } = await documentOf();
    expect(namesIn(text)).toEqual(["debian", "bash"]);
    expect(notes).toEqual(["No document is attached to the image."]);
  });

  it("is the one that is attached, byte for byte, and says so", async () => {
    attach(cyclone, cycloneDx(["theirs"]));
    expect(await documentOf()).toEqual({
      format: "cyclonedx",
      text: cycloneDx(["theirs"]).toString(),
      coverage: "complete",
      packages: 1,
      notes: ["The CycloneDX 1.4 document that is attached to the image was used."],
    });
  });

  it("is listed by the registry itself where it can", async () => {
    const artifact = makeArtifact({ mediaType: cyclone, bytes: cycloneDx(["listed"]), subject: image });
    registry.put("shop/app", artifact);
    const list = makeReferrers([artifact]).manifest;
    registry.oddity = replies("GET", new RegExp(`/referrers/${image.digest}`), 200, list, {
      "Content-Type": "application/vnd.oci.image.index.v1+json",
    });
    expect(namesIn((await documentOf()).text)).toEqual(["listed"]);
  });

  it("is found under cosign's tag, and where a build says it pushed it", async () => {
    registry.put("shop/app", makeArtifact({ mediaType: "text/spdx+json", bytes: spdx(["by-cosign"]) }), tagFor(image, ".sbom"));
    expect(namesIn((await documentOf()).text)).toEqual(["by-cosign"]);
    const named = cycloneDx(["by-the-build"]);
    registry.put("shop/app", makeArtifact({ mediaType: "x", bytes: named }));
    expect(namesIn((await documentOf(both, { document: digestOf(named) })).text)).toEqual(["by-the-build"]);
  });

  it("of a copy may lie beside its source", async () => {
    attach(cyclone, cycloneDx(["at-the-source"]));
    const copy = registry.put("mirror/app", image);
    const reference = parseImageReference(copy);
    const found = await documentOf(both, { reference, source: parseImageReference(name) });
    expect(namesIn(found.text)).toEqual(["at-the-source"]);
  });

  it("is of the format that the service takes, the newest first", async () => {
    attach("application/spdx+json", spdx(["spdx"]));
    attach(cyclone, cycloneDx(["old"]), { created: "2026-01-01T00:00:00Z" });
    attach(cyclone, cycloneDx(["new"]), { created: "2026-02-01T00:00:00Z" });
    expect(namesIn((await documentOf({ formats: ["cyclonedx"] })).text)).toEqual(["new"]);
    expect(namesIn((await documentOf({ formats: ["spdx"] })).text)).toEqual(["spdx"]);
  });

  it("is made anew where the attached one is newer than the service knows", async () => {
    attach(cyclone, cycloneDx(["newer"], { specVersion: "1.6" }));
    const { text, notes } = await documentOf({ ...both, cycloneDx: "1.5" });
    expect(JSON.parse(text)).toMatchObject({ specVersion: "1.5", components: [{ name: "debian" }, { name: "bash" }] });
    expect(notes?.join()).toContain("newer than the service knows");
  });

  it("says that it is not complete where it says so itself", async () => {
    attach(cyclone, cycloneDx(["some"], { compositions: [{ aggregate: "incomplete_third_party_only" }] }));
    expect(await documentOf()).toMatchObject({ coverage: "partial", why: expect.stringContaining("not complete") });
  });

  it.each<[string, () => void, RegExp | undefined]>([
    ["no JSON", () => attach(cyclone, Buffer.from("\u0000\u0001<html>")), /no JSON object/],
    ["another sort of JSON", () => attach(cyclone, Buffer.from('{"spdxVersion":3}')), /neither CycloneDX nor SPDX/],
    ["CycloneDX of tomorrow", () => attach(cyclone, cycloneDx(["a"], { specVersion: "1.7" })), /CycloneDX 1\.7/],
    ["SPDX 3", () => attach("application/spdx+json", spdx(["a"], { spdxVersion: "SPDX-3.0" })), /SPDX-3\.0/],
    ["without a package", () => attach(cyclone, cycloneDx([])), /names no package/],
    ["deep beyond measure", () => attach(cyclone, Buffer.from("[".repeat(5_000_000))), /not used/],
    ["about another image", () => attach(cyclone, cycloneDx(["a"]), { subject: makeImage() }), undefined],
    [
      "of other bytes than its digest",
      () => {
        attach(cyclone, cycloneDx(["right"]));
        registry.oddity = replies("GET", new RegExp(digestOf(cycloneDx(["right"]))), 200, cycloneDx(["wrong"]));
      },
      /other contents/,
    ],
    [
      "too large",
      () => {
        const artifact = makeArtifact({ mediaType: cyclone, bytes: cycloneDx(["a"]), subject: image });
        const fields = JSON.parse(artifact.manifest.toString());
        fields.layers[0].size = 2 ** 40;
        const manifest = Buffer.from(JSON.stringify(fields));
        registry.put("shop/app", makeReferrers([{ ...artifact, manifest, digest: digestOf(manifest) }]), tagFor(image));
      },
      /longer than 32 MiB/,
    ],
    ["gone", () => attach(cyclone, cycloneDx(["a"])), /does not have the blob/],
  ])("is made of what lies in the image where the attached one is %s", async (what, act, why) => {
    act();
    if (what === "gone")
      registry.oddity = replies("GET", new RegExp(digestOf(cycloneDx(["a"]))), 404, "{}", { "Content-Type": "application/json" });
    const { text, notes } = await documentOf();
    expect(namesIn(text)).toEqual(["debian", "bash"]);
    if (why) expect(notes?.join()).toMatch(why);
  });

  it("is looked for again later where the registry is busy", async () => {
    registry.oddity = replies("GET", /\/manifests\//, 503, "{}");
    await expect(documentOf()).rejects.toMatchObject({ retryable: true });
  });

  it("is missed in clear words where the bot may not make one", async () => {
    await expect(documentOf(both, {}, ["attached"])).rejects.toMatchObject({
      reason: "AnalyzerRejected",
      message: expect.stringMatching(/no bill of materials of .*shop\/app.*: No document is attached/),
    });
  });

  it.each<[string, Buffer, RegExp]>([
    ["is not there", Buffer.alloc(0), /does not have the blob/],
    ["has other bytes than its digest", Buffer.from("{}"), /other contents/],
    ["is longer than any document", Buffer.alloc(33 * 1024 * 1024, " "), /longer than 32 MiB/],
    ["is no document", Buffer.from("#!/bin/sh"), /no JSON object/],
  ])("is not taken from a blob that a build names and that %s", async (what, bytes, why) => {
    const document = digestOf(what.startsWith("has other") ? Buffer.from("[]") : bytes);
    if (what !== "is not there") registry.oddity = replies("GET", new RegExp(`/blobs/${document}`), 200, bytes);
    const { text, notes } = await documentOf(both, { document });
    expect([namesIn(text), notes?.join()]).toEqual([["debian", "bash"], expect.stringMatching(why)]);
  });
});
