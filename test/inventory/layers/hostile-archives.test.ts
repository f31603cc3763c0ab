import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLayer } from "../../../src/inventory/layers/read-layer.ts";
import { paxHeader, rename, tarEntry, tarHeader } from "../../support/tar.ts";

const status = (...names: readonly string[]) =>
  names.map((name) => `Package: ${name}\nStatus: install ok installed\nVersion: 1\n`).join("\n");
const place = "var/lib/dpkg/status";
const victim = tarEntry({ name: place }, status("victim"));

async function* chunksOf(archive: readonly Buffer[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.concat([...archive, Buffer.alloc(1_024)]);
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

type Limits = Parameters<typeof readLayer>[1];

async function read(archive: readonly Buffer[], limits: Limits = {}, spent?: () => number) {
  const contents = await readLayer(chunksOf(archive), limits, spent);
  const packages = contents.files.flatMap(({ findings }) => findings?.packages.map(({ name }) => name) ?? []);
  return { ...contents, packages };
}

const decoy = Buffer.concat([tarHeader({ name: "large", size: 1_024 }), Buffer.alloc(512)]);
const longName = (name: string) => tarEntry({ name: "x", type: "L" }, `${name}\0`);

const base256 = (first: number) => Buffer.alloc(12, 0xff).fill(first, 0, 1);

describe("an archive that container engines read otherwise is never taken for complete:", () => {
  it.each<[string, readonly Buffer[]]>([
    ["a hard link with contents, which hides the file behind it", [tarHeader({ name: "a", size: 1_024, type: "1" }), victim]],
    ["a symbolic link with contents", [tarHeader({ name: "a", size: 1_024, type: "2" }), victim]],
    ["a device with contents", [tarHeader({ name: "a", size: 1_024, type: "3" }), victim]],
    ["an old sparse file, whose map follows its header", [tarEntry({ name: place, type: "S" }, status("sparse")), victim]],
    ["an entry of no known kind", [tarEntry({ name: "a", type: "Z" }, "x"), victim]],
    ["a size above all measure", [tarHeader({ name: "a", size: base256(0x80) }), victim]],
    ["a size that is no number", [tarHeader({ name: "a", size: base256(0x81) }), victim]],
    ["a negative size in an extended header", [paxHeader({ size: "-5" }), victim]],
    [
      "an extended header of a negative size",
      [tarHeader({ name: "x", size: Buffer.alloc(12, 0xfe).fill(0xff, 0, 1), type: "x" }), victim],
    ],
    ["a name of gigabytes", [tarHeader({ name: "x", size: 2 ** 31, type: "L" }), victim]],
    ["a header that is none", [Buffer.alloc(512, "x"), victim]],
    ["a file whose name says that it is a directory", [tarEntry({ name: "d/" }, decoy), victim]],
    ["a size with something behind its digits", [tarHeader({ name: "a", size: Buffer.from("00000001000x") }), victim]],
    ["a long name and another one for the same file", [longName(place), paxHeader({ path: "a" }), tarEntry({ name: "b" }, "x")]],
    ["a name for all files, which engines do not read", [paxHeader({ path: "a" }, "g"), paxHeader({ mtime: "1" }), victim]],
    ["a name that engines forget for a header for all", [paxHeader({ path: "a" }), paxHeader({ comment: "b" }, "g"), victim]],
    ["an extended header with less than its length", [tarEntry({ name: "x", type: "x" }, "99 path=a\n"), victim]],
    [
      "a sparse file of no known version, under another name",
      [paxHeader({ "GNU.sparse.major": "9", "GNU.sparse.name": "a" }), victim],
    ],
    ["a name above the root, which one engine puts into it", [tarEntry({ name: `../${place}` }, status("victim"))]],
    ["files behind one block of zeros", [Buffer.alloc(512), victim]],
  ])("%s", async (_, archive) => {
    const { troubles, files } = await read(archive);
    expect([...troubles, ...files.flatMap(({ trouble }) => trouble ?? [])]).not.toEqual([]);
  });

  it.each([
    ["1.0", { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": place }],
    ["0.1", { "GNU.sparse.map": "0,10,100,10", "GNU.sparse.name": place }],
    ["0.0", { "GNU.sparse.numblocks": "2", "GNU.sparse.offset": "0" }],
  ])("a database that is a sparse file of version %s, under its real name", async (_, fields) => {
    const name = "GNU.sparse.name" in fields ? "var/lib/dpkg/GNUSparseFile.0/status" : place;
    const { files } = await read([paxHeader(fields as Record<string, string>), tarEntry({ name }, status("part"))]);
    expect(files).toEqual([{ path: place, database: "dpkg", trouble: "it is stored as a sparse file, which is not read" }]);
  });
});

describe("an entry that replaces an earlier one of another kind in the same archive is told:", () => {
  const file = (name: string) => tarEntry({ name }, status("x"));
  const symlink = (name: string, target: string) => tarHeader({ name, type: "2", target });
  const link = (name: string, target: string) => tarHeader({ name, type: "1", target });

  it.each<[string, readonly Buffer[]]>([
    ["a symbolic link for a file", [file(place), symlink(place, "../../../x/status")]],
    ["a symbolic link for the directory of a file", [file(place), symlink("var/lib", "/x")]],
    ["a file for a hard link", [file("x/status"), link(place, "x/status"), file(place)]],
    ["a file that a hard link leads to, behind it", [file("x/status"), link(place, "x/status"), file("x/status")]],
  ])("%s", async (_, archive) => {
    expect((await read(archive)).troubles).toEqual([`${place} is replaced in the same layer`]);
  });

  it("but not a file behind a link that came before it, and not a link to a file", async () => {
    const archive = [symlink("lib", "usr/lib"), file("lib/dpkg/status"), link("x/status", "lib/dpkg/status"), victim, victim];
    expect((await read(archive)).troubles).toEqual([]);
  });
});

describe("an archive is read to its end", () => {
  it("behind an extended header without any bytes", async () => {
    const file = tarEntry({ name: "a" }, Buffer.alloc(700));
    for (const type of ["x", "L"])
      expect((await read([tarEntry({ name: "x", type }), file, victim])).packages).toEqual(["victim"]);
  });

  it("which is two blocks of zeros, and nothing behind them counts", async () => {
    const { packages, troubles } = await read([victim, Buffer.alloc(1_024), tarEntry({ name: place }, status("decoy"))]);
    expect({ packages, troubles }).toEqual({ packages: ["victim"], troubles: [] });
  });

  it("behind a header with the checksum of old programs, and one with something behind its size", async () => {
    const old = tarEntry({ name: "\u00e4" });
    old.fill(" ", 148, 156);
    const sum = [...new Int8Array(old)].reduce((total, byte) => total + byte, 0);
    old.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const rest = tarHeader({ name: "a", size: Buffer.from(" 0001000\0rest") });
    const { packages, troubles } = await read([old, rest, Buffer.alloc(512), victim]);
    expect({ packages, troubles }).toEqual({ packages: ["victim"], troubles: [] });
  });

  it("under the names that engines read, whatever lies in their fields", async () => {
    // The prefix of `star` ends at a time. Where GNU has a time, old archives of Go have a prefix.
    const star = tarHeader({
      name: "status",
      size: 100,
      prefix: `${"./".repeat(59)}/var/lib/dpkg`,
      tail: "00000000000 00000000000",
    });
    const old = tarHeader({ name: "status", size: 100, prefix: "var/lib/dpkg", magic: "ustar  \0" });
    for (const header of [star, old]) {
      const { files } = await read([header, Buffer.alloc(512, status("a").padEnd(100, "\n"))]);
      expect(files.map(({ path }) => path)).toEqual([place]);
    }
  });

  it("with different names for different bytes", async () => {
    const named = (name: string) => tarEntry({ name: `${name}/node_modules/a/package.json` }, '{"name":"a","version":"1.0.0"}');
    const [first, second] = ["1", "2"].map(named) as [Buffer, Buffer];
    const files = [first, second].map((file, at) => rename(file, Buffer.from([0xfe + at])));
    expect((await read(files)).packages).toEqual(["a", "a"]);
  });

  it("behind a directory that says it has contents, which it cannot have", async () => {
    const { packages, troubles } = await read([tarHeader({ name: "d/", size: 1_024, type: "5" }), victim]);
    expect({ packages, troubles }).toEqual({ packages: ["victim"], troubles: [] });
  });

  it("or to a reason, whatever its headers say", async () => {
    const type = fc.constantFrom(..."01234567xgLKSZ\0");
    const size = fc.oneof(
      fc.nat(3_000),
      fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    );
    const header = fc.record({ name: fc.constantFrom(place, "a/b", "../c", "d/.wh.e", ""), size, type, target: fc.string() });
    const odd = header.map((fields) => tarHeader(fields));
    const part = fc.oneof(odd, fc.constant(victim), fc.constant(Buffer.alloc(512)));
    const archives = fc.array(part, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(archives, async (archive) => void (await read(archive))),
      { numRuns: 200 },
    );
  });
});

describe("what an archive can cost is bounded:", () => {
  it("by the attributes of a file, also those that a header gives to all", async () => {
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`key${at}`, "1"]));
    for (const attributes of [[paxHeader(many)], [paxHeader(many, "g"), paxHeader({ mtime: "1" })]])
      expect((await read([...attributes, victim])).troubles).toEqual(["a file in it has more than 1000 attributes"]);
  });

  it("by the length of all names", async () => {
    const linked = [paxHeader({ linkpath: "t".repeat(1_000_000) }), tarHeader({ name: "a", type: "2", target: "b" })];
    const { troubles, links } = await read([...linked, ...linked, victim], { names: 8_000 });
    expect(links).toEqual([]);
    expect(troubles).toEqual(["the names of its files have more than 8000 characters"]);
  });

  it("by the processor time, and what was read until then is kept", async () => {
    let time = 0;
    const archive = [victim, tarEntry({ name: "large" }, Buffer.alloc(1_000_000))];
    const { packages, troubles } = await read(archive, { time: 5 }, () => time++);
    expect({ packages, troubles }).toEqual({ packages: ["victim"], troubles: ["it takes more time than is allowed"] });
  });

  it("by the processor time, also of frames that unpack to nothing", async () => {
    const frame = zstdCompressSync(Buffer.alloc(0));
    let given = 0;
    async function* frames(): AsyncGenerator<Buffer> {
      for (; given < 1_000; given++) yield frame;
    }
    let time = 0;
    const { troubles } = await readLayer(frames(), { time: 20 }, () => time++);
    expect(troubles).toEqual(["it takes more time than is allowed"]);
    expect(given).toBeLessThan(100);
  });

  it("by its packages, and a file that comes again and again is there once, as it came last", async () => {
    const again = Array.from({ length: 50 }, (_, at) => tarEntry({ name: place }, status(`package-${at}`)));
    expect((await read(again)).packages).toEqual(["package-49"]);
    const names = Array.from({ length: 60_000 }, (_, at) => `p${at}`);
    const lists = ["one", "two"].map((directory) => tarEntry({ name: `${directory}/dpkg/status` }, status(...names)));
    const { packages, files } = await read(lists);
    expect(packages).toHaveLength(60_000);
    expect(files[1]?.trouble).toMatch(/more than the 100000 packages/);
  });
});
