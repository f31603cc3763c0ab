import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packContent } from "../../../src/inventory/store/sqlite/packed-content.ts";
import { openThreadStore } from "../../../src/inventory/store/sqlite/thread-store.ts";
import { fakeClock } from "../../support/fake-clock.ts";
import { content, describePackageStore, digest, rpm, type StoreStorage } from "./package-store.contract.ts";

function fileStorage(): StoreStorage & { readonly directory: string } {
  const clock = fakeClock();
  const directory = mkdtempSync(join(tmpdir(), "store-"));
  return {
    clock,
    directory,
    open: (layerCache = 1_000_000) => openThreadStore({ directory, layerCache, clock }),
    dispose: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

describePackageStore(describe, "the store of packages in a file", async () => fileStorage());

describe("the file of packages", () => {
  it("is its owner's alone", async () => {
    const storage = fileStorage();
    await (await storage.open()).close();
    expect(statSync(join(storage.directory, "packages.db")).mode & 0o777).toBe(0o600);
    await storage.dispose();
  });

  it("keeps 500 packages in a few kilobytes, and finds one among many images", async () => {
    const storage = fileStorage();
    const store = await storage.open();
    for (let image = 1; image <= 40; image++) {
      const packages = Array.from({ length: 500 }, (_, at) => rpm(`package-${at}`, `${image}.${at}-1`));
      await store.keepImage(digest(image), [packContent(content(image, packages))], true);
    }
    expect((await store.find({ name: "package-77", range: ">=20" }, 100)).matches).toHaveLength(21);
    await store.close();
    // 1,000 such images are to stay under 100 MB.
    expect(statSync(join(storage.directory, "packages.db")).size / 40).toBeLessThan(100_000);
    await storage.dispose();
  });
});
