import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { rpmBerkeley, rpmNdb, rpmSqlite } from "../../../src/inventory/databases/system/rpm.ts";
import { rpmManifest } from "../../../src/inventory/databases/system/rpm-manifest.ts";
import type { FoundPackage } from "../../../src/inventory/inventory.ts";
import { requirePrograms } from "../../support/programs.ts";
import { ndbDatabase, type RpmPackage, rpmDatabase, rpmList } from "../../support/rpm.ts";

const made: readonly RpmPackage[] = [
  {
    name: "openssl-libs",
    version: "3.0.7",
    release: "27.el9",
    epoch: 1,
    licence: "ASL 2.0",
    sourceRpm: "openssl-3.0.7-27.el9.src.rpm",
  },
  { name: "tzdata", version: "2024a", release: "1.el9", architecture: "noarch", licence: "Public Domain" },
  { name: "gpg-pubkey", version: "fd431d51", release: "4ae0493b", architecture: "(none)" },
  { name: "nodejs", version: "18.20.2", release: "2.module+el9", epoch: 0, modularity: "nodejs:18:9040020240807:rhel9" },
];

const many: readonly RpmPackage[] = Array.from({ length: 700 }, (_, index) => ({
  name: `package-${index}`,
  version: `1.${index}`,
  release: "1.el9",
  licence: "x".repeat(index * 7),
}));

function lines(packages: readonly FoundPackage[]): string[] {
  return packages.map(({ name, version, architecture }) => `${name} ${version} ${architecture}`).toSorted();
}

/** rpm shows an epoch of 0, which means none. */
function withoutZero(listed: readonly string[]): string[] {
  return listed.map((line) => line.replace(" 0:", " ")).toSorted();
}

requirePrograms("rpm", "rpmdb")("rpm's databases", () => {
  it("are read as rpm itself lists them, from SQLite", () => {
    const { database, log, listed } = rpmDatabase(made);
    const { packages, troubles } = rpmSqlite.read({ path: "", bytes: database, companion: log });
    expect(lines(packages)).toEqual(withoutZero(listed));
    expect(troubles).toEqual([]);
    expect(packages.find(({ name }) => name === "openssl-libs")).toMatchObject({
      version: "1:3.0.7-27.el9",
      licence: "ASL 2.0",
      source: { name: "openssl", version: "1:3.0.7-27.el9" },
    });
    expect(packages.find(({ name }) => name === "nodejs")).toMatchObject({ modularity: "nodejs:18:9040020240807:rhel9" });
  });

  it("are read from SQLite over many pages, with headers larger than a page", () => {
    const { database, log, listed } = rpmDatabase(many);
    expect(lines(rpmSqlite.read({ path: "", bytes: database, companion: log }).packages)).toEqual(listed);
  });

  it("are read from a Berkeley DB as rpm itself lists it", () => {
    const file = join(import.meta.dirname, "../../fixtures/rpm/libuuid-bdb.Packages");
    const directory = mkdtempSync(join(tmpdir(), "rpm-bdb-"));
    try {
      copyFileSync(file, join(directory, "Packages"));
      const { packages, troubles } = rpmBerkeley.read({ path: "", bytes: readFileSync(file) });
      expect(lines(packages)).toEqual(rpmList(directory, "bdb_ro"));
      expect(troubles).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

it("NDB is read slot by slot", () => {
  const { packages, troubles } = rpmNdb.read({ path: "", bytes: ndbDatabase([...made, ...many.slice(0, 100)]) });
  expect(packages).toHaveLength(103);
  expect(troubles).toEqual([]);
  expect(lines(packages)).toContain("openssl-libs 1:3.0.7-27.el9 x86_64");
});

it("one broken header leaves the other packages, and says so", () => {
  const bytes = ndbDatabase(made);
  bytes.write("\xff\xff", bytes.indexOf("tzdata") - 200, "latin1");
  bytes.writeInt32BE(-1, bytes.indexOf("BlbS", bytes.indexOf("BlbS") + 1) + 16);
  const { packages, troubles } = rpmNdb.read({ path: "", bytes });
  expect(packages.map(({ name }) => name)).toEqual(["openssl-libs", "nodejs"]);
  expect(troubles).toEqual(["a package's header does not fit its own sizes"]);
});

it("the list of an image without rpm is read, and its strange lines are counted", () => {
  const line = "filesystem\t1.1-19.azl3\t1712\t1699\tMicrosoft\t(none)\t7596\tx86_64\t2\tfilesystem-1.1-19.azl3.src.rpm";
  const { packages, troubles } = rpmManifest.read({ path: "", bytes: Buffer.from(`${line}\nnonsense\n`) });
  expect(packages).toEqual([
    {
      ecosystem: "rpm",
      name: "filesystem",
      version: "2:1.1-19.azl3",
      architecture: "x86_64",
      source: { name: "filesystem", version: "2:1.1-19.azl3" },
    },
  ]);
  expect(troubles).toEqual(["1 of its lines have unexpected fields"]);
});
