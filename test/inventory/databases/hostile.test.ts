import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Findings, UnreadableDatabase } from "../../../src/inventory/databases/database.ts";
import { databases } from "../../../src/inventory/databases/index.ts";
import { readGoBuildInfo } from "../../../src/inventory/databases/languages/go.ts";
import { readRpmHeader } from "../../../src/inventory/databases/system/rpm-header.ts";
import { sqliteBlobs } from "../../../src/inventory/databases/system/rpm-sqlite.ts";
import { goBuildInfo } from "../../support/go-program.ts";
import { mutations } from "../../support/mutations.ts";
import { ndbDatabase, rpmHeader } from "../../support/rpm.ts";
import { makeZip } from "../../support/zip.ts";

const packages = [
  { name: "bash", version: "5.1", release: "9" },
  { name: "zlib", version: "1.2.11", release: "40", licence: "z".repeat(3_000) },
];

const pageSize = 65_536;

/** A SQLite file of so many pages, whose first one names the same row, at byte 50,000, again and again. */
function fileOfSharedRows(pages: number): Buffer {
  const file = Buffer.alloc(pages * pageSize);
  sqliteFile().copy(file, 0, 0, 100);
  file.writeUInt16BE(1, 16);
  file.writeUInt8(0x0d, 100);
  const cells = 20_000;
  file.writeUInt16BE(cells, 103);
  for (let cell = 0; cell < cells; cell++) file.writeUInt16BE(50_000, 108 + cell * 2);
  return file;
}

/** A SQLite file with a table as rpm has it, small enough that damage often hits what matters. */
function sqliteFile(change: (database: DatabaseSync) => void = () => {}): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "hostile-"));
  try {
    const database = new DatabaseSync(join(directory, "db"));
    database.exec("PRAGMA page_size = 512; CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)");
    const insert = database.prepare("INSERT INTO Packages (blob) VALUES (?)");
    for (const made of packages) insert.run(rpmHeader(made));
    change(database);
    database.close();
    return readFileSync(join(directory, "db"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const text = (lines: readonly string[]) => Buffer.from(lines.join("\n"));
const pom = Buffer.from("groupId=org.example\nartifactId=thing\nversion=1.2\n");
const inner = makeZip([{ name: "META-INF/maven/org.example/thing/pom.properties", bytes: pom }]);

const seeds: Readonly<Record<string, Buffer>> = {
  "os-release": text(['ID="rhel"', 'VERSION_ID="9.4"']),
  "release file": text(["Red Hat Enterprise Linux release 9.4 (Plow)"]),
  dpkg: text([
    "Package: bash",
    "Status: install ok installed",
    "Version: 5.2",
    "Source: bash (5.2)",
    "",
    "Package: x",
    "Version: 1",
    "",
  ]),
  apk: text(["P:musl", "V:1.2.5-r0", "A:x86_64", "o:musl", "L:MIT", ""]),
  "rpm (SQLite)": sqliteFile(),
  "rpm (NDB)": ndbDatabase(packages),
  "rpm (Berkeley DB)": readFileSync(join(import.meta.dirname, "../../fixtures/rpm/libuuid-bdb.Packages")),
  "rpm manifest": text(["bash\t5-1\t1\t1\tM\t(none)\t1\tx86_64\t0\tbash-5-1.src.rpm"]),
  "Red Hat content manifest": text(['{"content_sets":["rhel-9-for-x86_64-baseos-rpms"]}']),
  npm: text(['{"name":"left-pad","version":"1.3.0","license":{"type":"WTFPL"}}']),
  Python: text(["Metadata-Version: 2.1", "Name: flask", "Version: 3.0.0", "", "text"]),
  "Java archive": makeZip([
    { name: "BOOT-INF/lib/thing-1.2.jar", bytes: inner },
    { name: "META-INF/MANIFEST.MF", bytes: text(["Implementation-Version: 3"]) },
  ]),
};

/** What reading comes to: findings, or one of the errors that are allowed. */
function outcome(read: () => Findings | undefined): Findings | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnreadableDatabase || error instanceof RangeError) return undefined;
    throw error;
  }
}

describe("on damaged and on any bytes, reading ends with packages that can be shown, or with a reason:", () => {
  for (const database of databases) {
    const seed = seeds[database.name] ?? Buffer.alloc(0);

    it(database.name, () => {
      const path = `somewhere/${database.places?.[0] ?? "thing-1.jar"}`;
      expect(outcome(() => database.read({ path, bytes: seed }))).toBeDefined();
      const bytes = fc.oneof({ weight: 5, arbitrary: mutations(seed) }, fc.uint8Array({ maxLength: 600 }).map(Buffer.from));
      const companion = database.companion ? fc.option(mutations(seed), { nil: undefined }) : fc.constant(undefined);
      fc.assert(
        fc.property(bytes, companion, (damaged, log) => {
          const findings = outcome(() => database.read({ path, bytes: damaged, companion: log }));
          for (const { name, version } of findings?.packages ?? []) {
            expect(name).toMatch(/^[^\p{Cc}]{1,1000}$/u);
            expect(version).toMatch(/^[^\p{Cc}]{0,2100}$/u);
          }
        }),
        { numRuns: 400 },
      );
    });
  }

  it("Go build info", () => {
    const seed = goBuildInfo("go1.22.1", [["dep", "golang.org/x/net", "v0.1.0"]]);
    fc.assert(
      fc.property(mutations(seed), (damaged) => void outcome(() => readGoBuildInfo(damaged))),
      { numRuns: 400 },
    );
  });
});

const java = databases.find(({ name }) => name === "Java archive");
const rpm = databases.find(({ name }) => name === "rpm (Berkeley DB)");

it("an archive that unpacks to more than its word, or to far too much, is a reason and not memory", () => {
  const bomb = makeZip([
    { name: "META-INF/MANIFEST.MF", bytes: Buffer.alloc(0), packed: deflateRawSync(Buffer.alloc(50_000_000)) },
  ]);
  expect(() => java?.read({ path: "a-1.jar", bytes: bomb })).toThrow(UnreadableDatabase);
  const large = makeZip([{ name: "META-INF/MANIFEST.MF", bytes: Buffer.alloc(50_000_000, "a") }]);
  expect(java?.read({ path: "a-1.jar", bytes: large })).toEqual({
    packages: [{ ecosystem: "maven", name: "a", version: "1" }],
    troubles: [expect.stringContaining("META-INF/MANIFEST.MF: it is larger than")],
  });
});

it("a package that SQLite holds as a text counts, and one that it holds as a number is told", () => {
  const read = (value: string) => {
    const bytes = sqliteFile((database) => database.exec(`UPDATE Packages SET blob = ${value} WHERE hnum = 1`));
    const findings = databases.find(({ name }) => name === "rpm (SQLite)")?.read({ path: "rpmdb.sqlite", bytes });
    return [findings?.packages.map(({ name }) => name), findings?.troubles?.length];
  };
  expect(read("CAST(blob AS TEXT)")).toEqual([["bash", "zlib"], 0]);
  expect(read("5")).toEqual([["zlib"], 1]);
});

it("a text of a package is one line of valid Unicode", () => {
  const [found] =
    databases
      .find(({ name }) => name === "npm")
      ?.read({
        path: "node_modules/a/package.json",
        bytes: Buffer.from('{"name":"a\\u2028b\\ud800","version":"1\\u202e2"}'),
      }).packages ?? [];
  expect(found).toEqual({ ecosystem: "npm", name: "a b\ufffd", version: "1 2" });
});

it.each([
  ["dpkg", "Package: a\nVersion: 1\nStatus: deinstall ok config-files\n\n"],
  ["apk", "P:a\nV:1\n\n"],
])("more entries than are read, in front of others, are told: %s", (name, entry) => {
  const findings = databases
    .find((database) => database.name === name)
    ?.read({ path: "", bytes: Buffer.from(entry.repeat(100_001)) });
  expect(findings?.troubles).toEqual(["it has more than 100000 entries"]);
});

it("a package of npm whose version is no text is told, and a licence nested without end hides none", () => {
  const npm = (fields: string) =>
    databases.find(({ name }) => name === "npm")?.read({ path: "", bytes: Buffer.from(`{"name":"a",${fields}}`) }).packages;
  for (const version of ["1", "null", "[]", "{}"])
    expect(() => npm(`"version":${version}`)).toThrow("its name or version is no text");
  expect(npm(`"version":"1","license":${"[".repeat(50_000)}${"]".repeat(50_000)}`)).toMatchObject([{ name: "a", version: "1" }]);
});

it("a description of Maven whose name lies too deep to be read is told", () => {
  const bytes = Buffer.concat([Buffer.from("#\n".repeat(6_000)), pom]);
  const archive = makeZip([{ name: "META-INF/maven/org.example/thing/pom.properties", bytes }]);
  const findings = java?.read({ path: "thing.jar", bytes: archive });
  expect(findings).toEqual({ packages: [], troubles: ["a pom.properties in it has no name or version"] });
});

it("an archive of archives without end is read in part", () => {
  const thing = makeZip([{ name: "META-INF/maven/org.example/thing/pom.properties", bytes: pom }]);
  const many = (bytes: Buffer) => makeZip(Array.from({ length: 200 }, (_, at) => ({ name: `${at}.jar`, bytes })));
  const { packages = [], troubles } = java?.read({ path: "a-1.jar", bytes: many(many(thing)) }) ?? {};
  expect(packages.length).toBeLessThanOrEqual(10_000);
  expect(troubles?.join()).toMatch(/more than 10000 archives/);
});

describe("bytes that many entries share are read no more often than there are bytes:", () => {
  it("in a header of rpm", () => {
    const entries = 60_000;
    const header = Buffer.alloc(8 + entries * 16 + 32 * 1024 * 1024, "x");
    header.writeInt32BE(entries, 0);
    header.writeInt32BE(header.length - 8 - entries * 16, 4);
    for (let at = 8; at < 8 + entries * 16; at += 16) header.set([0, 0, 0x03, 0xe8, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1], at);
    expect(() => readRpmHeader(header)).toThrow("no name or version");
  });

  it("in the schema of a SQLite file", () => {
    const file = fileOfSharedRows(200);
    // A payload of 12 MB, of which 8199 bytes are here, and an overflow page that is followed by itself.
    const [size, local] = [8_199 + 190 * (pageSize - 4), 8_199];
    file.set([(size >> 21) | 0x80, (size >> 14) | 0x80, (size >> 7) | 0x80, size & 0x7f, 1, 2, 0], 50_000);
    for (const at of [50_005 + local, pageSize]) file.writeUInt32BE(2, at);
    expect(() => sqliteBlobs(file, undefined, "Packages").next()).toThrow("its rows lie upon each other");
  });

  it("in rows of a SQLite file that are all header", () => {
    const file = fileOfSharedRows(40);
    const [size, local] = [8_199 + 30 * (pageSize - 4), 8_199];
    const varint = [(size >> 14) | 0x80, ((size >> 7) & 0x7f) | 0x80, size & 0x7f];
    // Its size, its key, and as the first bytes of its payload the header's size, which is all of it.
    file.set([...varint, 1, ...varint], 50_000);
    for (const at of [50_004 + local, pageSize]) file.writeUInt32BE(2, at);
    expect(() => sqliteBlobs(file, undefined, "Packages").next()).toThrow("its rows lie upon each other");
  });

  it("in a zip archive whose list names the same bytes again and again", () => {
    // Blocks that unpack to nothing.
    const empty = Buffer.alloc(5_000_000, Buffer.from([0, 0, 0, 0xff, 0xff]));
    const packed = Buffer.concat([empty, Buffer.from([1, 0, 0, 0xff, 0xff])]);
    const archive = makeZip([{ name: "META-INF/maven/a/b/pom.properties", bytes: Buffer.alloc(0), packed }]);
    const end = Buffer.from(archive.subarray(-22));
    const [size, offset] = [end.readUInt32LE(12), end.readUInt32LE(16)];
    const entries = 60_000;
    for (const at of [8, 10]) end.writeUInt16LE(entries, at);
    end.writeUInt32LE(size * entries, 12);
    const list = Buffer.alloc(size * entries, archive.subarray(offset, offset + size));
    const bytes = Buffer.concat([archive.subarray(0, offset), list, end]);
    expect(() => java?.read({ path: "a-1.jar", bytes })).toThrow("its files lie upon each other");
  });

  it("in a value of Berkeley DB that runs in a circle", () => {
    const file = Buffer.from(readFileSync(join(import.meta.dirname, "../../fixtures/rpm/libuuid-bdb.Packages")));
    const pageSize = file.readUInt32LE(20);
    const overflow = Array.from({ length: file.length / pageSize }, (_, page) => page).filter(
      (page) => file[page * pageSize + 25] === 7,
    );
    expect(overflow.length).toBeGreaterThan(0);
    for (const page of overflow) {
      file.writeUInt16LE(1, page * pageSize + 22);
      file.writeUInt32LE(page, page * pageSize + 16);
    }
    expect(outcome(() => rpm?.read({ path: "var/lib/rpm/Packages", bytes: file }))?.packages ?? []).toEqual([]);
  });
});
