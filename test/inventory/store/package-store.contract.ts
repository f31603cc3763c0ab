import { afterEach, beforeEach, expect, it } from "vitest";
import type { Digest } from "../../../src/core/images/image-reference.ts";
import { type ImageContent, type InstalledPackage, QuestionError } from "../../../src/inventory/inventory.ts";
import type { PackageStore } from "../../../src/inventory/store/package-store.ts";
import { packContent } from "../../../src/inventory/store/sqlite/packed-content.ts";
import type { FakeClock } from "../../support/fake-clock.ts";

/** Where a store keeps what it knows. */
export interface StoreStorage {
  readonly clock: FakeClock;
  /** Opens the store, on what an earlier one left. Default limit: 1 MB of layers. */
  open(layerCache?: number): Promise<PackageStore>;
  dispose(): Promise<void>;
}

export function digest(number: number): Digest {
  return `sha256:${number.toString(16).padStart(64, "0")}`;
}

export function content(number: number, packages: readonly InstalledPackage[]): ImageContent {
  const distribution = { family: "redhat", version: "9.4" };
  return {
    digest: digest(number),
    completeness: "complete",
    reasons: [],
    layers: [digest(1)],
    contentSets: [],
    distribution,
    packages,
  };
}

export const rpm = (name: string, version: string): InstalledPackage => ({
  ecosystem: "rpm",
  name,
  version,
  architecture: "x86_64",
  layer: 0,
  path: "var/lib/rpm/rpmdb.sqlite",
});
const jar = (group: string, name: string, version: string): InstalledPackage => ({
  ecosystem: "maven",
  group,
  name,
  version,
  layer: 0,
  path: "app.jar",
});

/** The promises of `PackageStore`, to be kept by every implementation. */
export function describePackageStore(
  group: (name: string, tests: () => void) => void,
  name: string,
  createStorage: () => Promise<StoreStorage>,
): void {
  group(name, () => {
    let storage: StoreStorage;
    let store: PackageStore;

    beforeEach(async () => {
      storage = await createStorage();
      store = await storage.open();
    });
    afterEach(async () => {
      await store.close();
      await storage.dispose();
    });

    const keep = (number: number, ...packages: readonly InstalledPackage[]) =>
      store.keepImage(digest(number), [packContent(content(number, packages))], true);
    const found = async (name: string, range?: string) =>
      (await store.find({ name, ...(range !== undefined && { range }) }, 100)).matches.map(
        (match) => `${match.image.slice(-1)} ${match.package.purl}`,
      );

    it("finds images by a package's name and version, the one read last first", async () => {
      await keep(1, rpm("openssl-libs", "1:3.0.7-27.el9"), rpm("bash", "5.1-9"));
      await keep(2, rpm("openssl-libs", "1:3.2.2-6.el9"));
      expect(await found("openssl-libs")).toEqual([
        "2 pkg:rpm/redhat/openssl-libs@3.2.2-6.el9?arch=x86_64&distro=redhat-9.4&epoch=1",
        "1 pkg:rpm/redhat/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=redhat-9.4&epoch=1",
      ]);
      expect(await found("OpenSSL-libs", "<3.2")).toHaveLength(1);
      expect(await found("openssl")).toEqual([]);
      await expect(store.find({ name: "bash", range: "1 || 2" }, 10)).rejects.toThrow(QuestionError);
    });

    it("finds a Maven artifact with and without its group, and Python's names in any spelling", async () => {
      await keep(1, jar("org.apache.logging.log4j", "log4j-core", "2.14.1"), {
        ecosystem: "pypi",
        name: "Ruamel.Yaml",
        version: "0.18",
        layer: 0,
        path: "x",
      });
      for (const name of ["log4j-core", "org.apache.logging.log4j:log4j-core"]) expect(await found(name, "2.14")).toHaveLength(1);
      expect(await found("other:log4j-core")).toEqual([]);
      for (const name of ["ruamel-yaml", "ruamel_yaml", "ruamel.yaml"]) expect(await found(name)).toHaveLength(1);
    });

    it("answers with no more than is asked for, and says that there is more", async () => {
      for (let number = 1; number <= 5; number++) await keep(number, rpm("bash", `5.${number}-1`));
      const { matches, more } = await store.find({ name: "bash" }, 3);
      expect([matches.length, more]).toEqual([3, true]);
      expect((await store.find({ name: "bash" }, 5)).more).toBe(false);
    });

    it("tells what came, went and changed between two images", async () => {
      await keep(1, rpm("bash", "5.1-1"), rpm("curl", "8-1"), rpm("zlib", "1-1"));
      await keep(2, rpm("bash", "5.2-1"), rpm("nano", "7-1"), rpm("zlib", "1-1"));
      expect(await store.compare(digest(1), digest(2), 10)).toMatchObject({
        count: 3,
        changes: [
          { name: "bash", before: "5.1-1", after: "5.2-1" },
          { name: "curl", before: "8-1" },
          { name: "nano", after: "7-1" },
        ],
      });
      expect((await store.compare(digest(1), digest(2), 1))?.changes).toHaveLength(1);
      expect(await store.compare(digest(1), digest(9), 10)).toBeUndefined();
    });

    it("replaces what was read of an image, and forgets it whole", async () => {
      await keep(1, rpm("bash", "5.1-1"));
      await keep(1, rpm("bash", "5.2-1"));
      expect(await found("bash")).toHaveLength(1);
      await keep(2, rpm("bash", "5.2-1"));
      expect(await store.images(storage.clock.now() + 1, undefined, 10)).toEqual([digest(1), digest(2)]);
      expect(await store.images(storage.clock.now() + 1, digest(1), 10)).toEqual([digest(2)]);
      await store.forget([digest(1)]);
      expect(await found("bash")).toHaveLength(1);
      expect(await store.summary(digest(1))).toBeUndefined();
      await store.forget([digest(2)]);
      expect(await found("bash")).toEqual([]);
    });

    it("keeps a content that another image has as well", async () => {
      const packed = packContent(content(7, [rpm("bash", "5.1-1")]));
      await store.keepImage(digest(7), [packed], true);
      await store.keepImage(digest(8), [packed], true);
      await store.forget([digest(7)]);
      expect((await store.summary(digest(8)))?.contents).toHaveLength(1);
      expect(await found("bash")).toHaveLength(1);
    });

    it("pushes out the layers that were used longest ago", async () => {
      await store.close();
      store = await storage.open(250);
      for (const number of [1, 2]) {
        await store.keepLayer(digest(number), new Uint8Array(100));
        await storage.clock.advance(120_000);
      }
      await store.layer(digest(1));
      await store.keepLayer(digest(3), new Uint8Array(100));
      expect((await Promise.all([1, 2, 3].map((number) => store.layer(digest(number))))).map(Boolean)).toEqual([
        true,
        false,
        true,
      ]);
      await store.keepLayer(digest(4), new Uint8Array(300));
      expect(await store.layer(digest(4))).toBeUndefined();
    });

    it("is there again after the bot stopped", async () => {
      await keep(1, rpm("bash", "5.1-1"));
      await store.close();
      store = await storage.open();
      expect(await found("bash")).toHaveLength(1);
      expect(await store.isSettled(digest(1))).toBe(true);
      expect(await store.isSettled(digest(2))).toBe(false);
    });
  });
}
