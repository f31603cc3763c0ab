import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDocuments } from "../../src/analyzers/documents/documents.ts";
import { createInventoryDocuments } from "../../src/analyzers/documents/inventory-documents.ts";
import { createPackagesAnalyzer } from "../../src/analyzers/packages.ts";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { openTestInventory, type TestInventory } from "../support/inventory.ts";
import { makeFileLayer } from "../support/layers.ts";
import { type OddRegistry, startOddRegistry } from "../support/odd-registry.ts";
import { makeImage } from "../support/registry-images.ts";

const signal = new AbortController().signal;
const status = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n";

describe("reading packages as an analysis", () => {
  let registry: OddRegistry;
  let test: TestInventory;
  const names = { whole: "", empty: "", gone: "" };

  beforeAll(async () => {
    [registry, test] = [await startOddRegistry(), await openTestInventory()];
    const image = makeImage({
      layers: [await makeFileLayer({ "etc/os-release": "ID=debian\n", "var/lib/dpkg/status": status })],
    });
    names.whole = registry.put("shop/app", image);
    names.empty = registry.put("shop/empty", makeImage({ layers: [await makeFileLayer({ "etc/passwd": "" })] }));
    names.gone = `${registry.host}/shop/gone@sha256:${"0".repeat(64)}`;
  });
  afterAll(async () => {
    await test[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  const analyzer = () => createPackagesAnalyzer(test);
  const image = (name: string) => ({ reference: parseImageReference(name), verifyTls: false });

  it("says how many there are, and has ended with that", async () => {
    const request = { jobId: "build-1", output: image(names.whole), base: image(names.whole) };
    const submission = await analyzer().submit(request, signal);
    expect(submission).toMatchObject({ findings: { coverage: "complete", packages: 1 }, notes: [] });
    expect(submission.analyses.map(({ of, state }) => [of, state])).toEqual([
      ["output", "succeeded"],
      ["base", "succeeded"],
    ]);
  });

  it("says that nothing is known, never that nothing is there", async () => {
    const { findings } = await analyzer().submit({ jobId: "build-2", output: image(names.empty) }, signal);
    expect(findings).toEqual({ coverage: "unknown", why: "no package database was found" });
  });

  it("continues without a base image that is gone, and fails without the image itself", async () => {
    const { findings, notes } = await analyzer().submit(
      { jobId: "build-3", output: image(names.whole), base: image(names.gone) },
      signal,
    );
    expect([findings?.packages, notes]).toEqual([
      1,
      [expect.stringContaining("was not read: The registry does not have the manifest")],
    ]);
    const failing = analyzer().submit({ jobId: "build-4", output: image(names.gone) }, signal);
    await expect(failing).rejects.toMatchObject({ reason: "ImageNotFound" });
  });

  it("makes documents for services that want one, of images that something is known of", async () => {
    const documents = createDocuments([createInventoryDocuments(test, "1.6")]);
    const made = await documents.documentOf(image(names.whole), { formats: ["cyclonedx"], cycloneDx: "1.5" }, signal);
    expect(made).toMatchObject({ format: "cyclonedx", coverage: "complete", packages: 1 });
    expect(JSON.parse(made.text)).toMatchObject({ specVersion: "1.5", components: [{ name: "debian" }, { name: "bash" }] });
    await expect(documents.documentOf(image(names.empty), { formats: ["cyclonedx"] }, signal)).rejects.toThrow(
      /no bill of materials of .*shop\/empty/,
    );
  });
});
