import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../../src/core/images/image-reference.ts";
import type { ImageContent } from "../../../src/inventory/inventory.ts";
import { assembleImage } from "../../../src/inventory/layers/assemble.ts";
import { readLayer } from "../../../src/inventory/layers/read-layer.ts";
import { goProgram } from "../../support/go-program.ts";
import { type LayerEntry, makeFileLayer } from "../../support/layers.ts";
import { ndbDatabase } from "../../support/rpm.ts";

type Layer = Readonly<Record<string, LayerEntry>>;

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
}

const digestOf = (letter: string): Digest => `sha256:${letter.repeat(64)}`;

/** The image that layers come to. */
async function imageOf(...layers: readonly Layer[]): Promise<ImageContent> {
  const contents = await Promise.all(layers.map(async (layer) => readLayer(once(await makeFileLayer(layer)))));
  const descriptors = layers.map((_, index) => ({ digest: digestOf(String(index)), size: 1 }));
  return assembleImage({ digest: digestOf("f"), config: Buffer.from("{}"), layers: descriptors, contents, reasons: [] });
}

async function found(...layers: readonly Layer[]): Promise<string[]> {
  return (await imageOf(...layers)).packages.map(({ name, version, layer }) => `${name} ${version} in ${layer}`);
}

const status = (...packages: readonly string[]) =>
  packages.map((one) => `Package: ${one}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n`).join("\n");
const npm = (name: string, version = "1.0.0") => JSON.stringify({ name, version });
const osRelease = { "etc/os-release": 'ID=debian\nVERSION_ID="12"\n' };
const base: Layer = { ...osRelease, "var/lib/dpkg/status": status("base") };

describe("layers on top of each other", () => {
  it("have the files of the last one, and each package belongs to the layer that brought it", async () => {
    const layers = [base, { "var/lib/dpkg/status": status("base", "curl") }, { "./app/node_modules/a/package.json": npm("a") }];
    expect(await found(...layers)).toEqual(["base 1 in 0", "curl 1 in 1", "a 1.0.0 in 2"]);
  });

  it("lose what a whiteout, an opaque directory or another file in a directory's place takes away", async () => {
    const lower: Layer = { ...base, "app/node_modules/a/package.json": npm("a"), "app/node_modules/b/package.json": npm("b") };
    expect(await found(lower, { "app/node_modules/.wh.a": "" })).toEqual(["base 1 in 0", "b 1.0.0 in 0"]);
    expect(await found(lower, { "app/.wh.node_modules": "" })).toEqual(["base 1 in 0"]);
    expect(await found(lower, { "app/.wh..wh..opq": "", "app/node_modules/c/package.json": npm("c") })).toEqual([
      "base 1 in 0",
      "c 1.0.0 in 1",
    ]);
    expect(await found(lower, { "app/node_modules": "now a file" })).toEqual(["base 1 in 0"]);
    expect(await found(lower, { app: { link: "/nowhere" } })).toEqual(["base 1 in 0"]);
    expect(await found(lower, { "app/node_modules": { directory: true } })).toHaveLength(3);
  });

  it("apply a whiteout only to lower layers", async () => {
    const upper: Layer = { "app/.wh.node_modules": "", "app/node_modules/c/package.json": npm("c") };
    expect(await found({ "app/node_modules/a/package.json": npm("a") }, upper)).toEqual(["c 1.0.0 in 1"]);
  });

  it("are followed through links to a database's directory", async () => {
    const database = ndbDatabase([{ name: "bash", version: "5", release: "1" }]);
    const link: Layer = { "var/lib/rpm": { link: "../../usr/lib/sysimage/rpm" }, "usr/lib/sysimage/rpm/Packages.db": database };
    expect(await found(link)).toEqual(["bash 5-1 in 0"]);
    const chain: Layer = { "var/lib/rpm": { link: "/opt/one" }, "opt/one": { link: "two" }, "opt/two/Packages.db": database };
    expect(await found(chain)).toEqual(["bash 5-1 in 0"]);
    const newer = ndbDatabase([{ name: "bash", version: "6", release: "1" }]);
    expect(await found(link, { "usr/lib/sysimage/rpm/Packages.db": newer })).toEqual(["bash 6-1 in 1"]);
    expect(await found(chain, { "var/lib/rpm": { directory: true }, "var/lib/rpm/Packages.db": newer })).toEqual([
      "bash 6-1 in 1",
    ]);
  });

  it("do not run in the circles of links", async () => {
    const circle: Layer = {
      "var/lib/rpm": { link: "../lib/rpm" },
      var: { link: "/var" },
      "etc/os-release": { link: "os-release" },
    };
    expect((await imageOf(circle)).completeness).toBe("unknown");
  });

  it("count a database nowhere but where the system looks for it", async () => {
    expect(await found({ ...base, "root/backup/dpkg/status": status("backup") })).toEqual(["base 1 in 0"]);
  });

  it("know hard links to what was picked, and say when they lead elsewhere", async () => {
    const linked: Layer = {
      "store/node_modules/a/package.json": npm("a"),
      "app/node_modules/a/package.json": { hardLink: "store/node_modules/a/package.json" },
    };
    expect((await imageOf(linked)).completeness).toBe("complete");
    const lost = await imageOf({ ...base, "app/node_modules/a/package.json": { hardLink: "store/abc" } });
    expect(lost).toMatchObject({
      completeness: "partial",
      reasons: ["app/node_modules/a/package.json is a hard link to store/abc, which was not kept"],
    });
  });

  it("contain programs that Go built, with build info in any place", async () => {
    const program = Buffer.concat([goProgram("go1.22.1", [["dep", "golang.org/x/net", "v0.17.0"]]), Buffer.alloc(300_000)]);
    expect(await found({ "usr/bin/tool": program, "usr/bin/other": "#!/bin/sh" })).toEqual([
      "golang.org/x/net v0.17.0 in 0",
      "stdlib v1.22.1 in 0",
    ]);
  });
});

describe("what is known of an image", () => {
  it("is complete with every database read", async () => {
    expect(await imageOf(base)).toMatchObject({
      completeness: "complete",
      reasons: [],
      distribution: { family: "debian", version: "12" },
    });
    const exact = await imageOf({ ...base, "etc/debian_version": "12.7\n" });
    expect(exact.distribution).toEqual({ family: "debian", version: "12.7" });
    expect((await imageOf({ "usr/bin/tool": goProgram("go1.22.1", []) })).completeness).toBe("complete");
  });

  it("is unknown, never empty, without a database", async () => {
    expect(await imageOf({ "etc/passwd": "root" })).toMatchObject({
      completeness: "unknown",
      reasons: ["no package database was found"],
    });
    expect(await imageOf(osRelease)).toMatchObject({
      completeness: "unknown",
      reasons: ["no package database of debian was found"],
    });
  });

  it("is unknown or partial with a broken database, and says which", async () => {
    const broken = await imageOf({ ...osRelease, "var/lib/rpm/rpmdb.sqlite": "no database" });
    expect(broken).toMatchObject({
      completeness: "unknown",
      reasons: ["var/lib/rpm/rpmdb.sqlite: it is no SQLite database", "no package database of debian was found"],
    });
    const jar = await imageOf({ ...base, "app/thing-1.jar": "no archive" });
    expect(jar).toMatchObject({ completeness: "partial", reasons: ["app/thing-1.jar: it is no zip archive"] });
  });

  it("is partial when a layer breaks off, and what came before is kept", async () => {
    const whole = await makeFileLayer({
      ...base,
      "usr/share/noise": Buffer.from(Array.from({ length: 50_000 }, (_, at) => (at * 7919) % 251)),
    });
    const contents = [await readLayer(once(whole.subarray(0, whole.length - 200)))];
    const image = assembleImage({
      digest: digestOf("f"),
      config: Buffer.alloc(0),
      layers: [{ digest: digestOf("0"), size: 1 }],
      contents,
      reasons: [],
    });
    expect(image.completeness).toBe("partial");
    expect(image.reasons[0]).toMatch(/^layer 1: it cannot be unpacked to its end/);
    expect(image.packages).toHaveLength(1);
  });

  it("has no paths and links that are longer than any system's", async () => {
    const long = "a/".repeat(3_000);
    const hostile = { [`${long}node_modules/x/package.json`]: npm("x"), lib: { link: long } };
    const image = await imageOf(base, { ...hostile, "lib/node_modules/b/package.json": npm("b") });
    expect(image.packages.map(({ name }) => name)).toEqual(["base", "b"]);
  });

  it("has no reason that acts on a terminal", async () => {
    const path = "evil\u001b[2J\u202e/node_modules/a/package.json";
    const { reasons } = await imageOf({ ...base, [path]: { hardLink: "elsewhere\u001b[2J" } });
    expect(reasons).toEqual([expect.stringMatching(/^[^\p{Cc}\p{Cf}]{1,1000}$/u)]);
  });

  it("has a bounded number of content sets", async () => {
    const sets = (from: number) => JSON.stringify({ content_sets: Array.from({ length: 900 }, (_, at) => `set-${from + at}`) });
    const manifests = [0, 900].map((from) => [`root/buildinfo/content_manifests/${from}.json`, sets(from)]);
    const image = await imageOf({ ...base, ...Object.fromEntries(manifests) });
    expect(image.contentSets).toHaveLength(1_000);
    expect(image.reasons).toEqual(["it names more than 1000 content sets"]);
  });

  it("has a time of making that can be written down, or none", async () => {
    const contents = [await readLayer(once(await makeFileLayer(base)))];
    const made = (created: string) => {
      const config = Buffer.from(JSON.stringify({ created }));
      const layers = [{ digest: digestOf("0"), size: 1 }];
      return assembleImage({ digest: digestOf("f"), config, layers, contents, reasons: [] }).created;
    };
    expect(made("2026-11-28T01:02:03Z")).toBe("2026-11-28T01:02:03.000Z");
    for (const created of ["+275760-09-13T00:00:00Z", "-000001-01-01T00:00:00Z", "soon"]) expect(made(created)).toBeUndefined();
  });

  it("is partial beyond a limit", async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`file-${at}`, "x"]));
    const contents = [
      await readLayer(once(await makeFileLayer({ ...base, ...files })), { entries: 10, kept: 1e9, unpacked: 1e9 }),
    ];
    const image = assembleImage({
      digest: digestOf("f"),
      config: Buffer.alloc(0),
      layers: [{ digest: digestOf("0"), size: 1 }],
      contents,
      reasons: [],
    });
    expect(image).toMatchObject({ completeness: "partial", reasons: ["layer 1: it has more than 10 files"] });
  });
});

describe("rpm's database and its log", () => {
  it("are read together only where they belong together", async () => {
    const fixture = readFileSync(new URL("../../fixtures/rpm/libuuid-bdb.Packages", import.meta.url));
    expect(await found({ "var/lib/rpm/Packages": fixture })).toEqual(["libuuid 2.32.1-42.el8_8 in 0"]);
  });
});
