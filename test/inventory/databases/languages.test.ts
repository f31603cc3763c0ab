import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { goMagic, readGoBuildInfo } from "../../../src/inventory/databases/languages/go.ts";
import { java } from "../../../src/inventory/databases/languages/java.ts";
import { npm } from "../../../src/inventory/databases/languages/npm.ts";
import { python } from "../../../src/inventory/databases/languages/python.ts";
import { goBuildInfo } from "../../support/go-program.ts";
import { requirePrograms } from "../../support/programs.ts";
import { makeZip } from "../../support/zip.ts";

const text = (...lines: readonly string[]) => Buffer.from(lines.join("\n"));

describe("npm", () => {
  it("owns every package.json in node_modules, at any depth, and none elsewhere", () => {
    const paths = [
      "app/node_modules/a/package.json",
      "node_modules/@scope/b/package.json",
      "x/node_modules/a/node_modules/c/package.json",
    ];
    expect(paths.filter(npm.owns)).toEqual(paths);
    const others = [
      "app/package.json",
      "node_modules/a/test/package.json",
      "node_modules/@scope/package.json",
      "node_modules/package.json",
    ];
    expect(others.filter(npm.owns)).toEqual([]);
  });

  it("reads name, version and the licence in each of its forms", () => {
    const licenceOf = (value: unknown) =>
      npm.read({ path: "", bytes: text(JSON.stringify({ name: "a", version: "1.0.0", license: value })) }).packages[0]?.licence;
    expect(["MIT", { type: "ISC" }, [{ type: "MIT" }, { type: "GPL-2.0" }], 3].map(licenceOf)).toEqual([
      "MIT",
      "ISC",
      "MIT OR GPL-2.0",
      undefined,
    ]);
    expect(npm.read({ path: "", bytes: text('{"private":true}') }).packages).toEqual([]);
  });
});

it("Python's metadata is read above its description, in each place it is left in", () => {
  const paths = ["lib/x-1.dist-info/METADATA", "lib/x.egg-info/PKG-INFO", "lib/x-1.egg-info", "lib/x-1.egg/EGG-INFO/PKG-INFO"];
  expect(paths.filter(python.owns)).toEqual(paths);
  const bytes = text(
    "Name: Flask_Login",
    "Version: 0.6.3",
    "Classifier: License :: OSI Approved :: MIT License",
    "",
    "Name: wrong",
  );
  expect(python.read({ path: "", bytes }).packages).toEqual([
    { ecosystem: "pypi", name: "Flask_Login", version: "0.6.3", licence: "MIT License" },
  ]);
});

describe("a Java archive", () => {
  const pom = (artifact: string, version: string) => ({
    name: `META-INF/maven/org.apache.logging.log4j/${artifact}/pom.properties`,
    bytes: text("#Generated", `version=${version}`, "groupId=org.apache.logging.log4j", `artifactId=${artifact}`),
  });
  const read = (path: string, bytes: Buffer) => java.read({ path, bytes });

  it("names what Maven wrote into it, what was shaded in, and what is in archives inside it", () => {
    const inner = makeZip([pom("log4j-core", "2.14.1")]);
    const bytes = makeZip([
      pom("app", "1.0"),
      pom("log4j-api", "2.14.1"),
      { name: "BOOT-INF/lib/log4j-core-2.14.1.jar", bytes: inner },
    ]);
    expect(read("app.jar", bytes).packages.map(({ group, name, version }) => `${group}:${name}:${version}`)).toEqual([
      "org.apache.logging.log4j:app:1.0",
      "org.apache.logging.log4j:log4j-api:2.14.1",
      "org.apache.logging.log4j:log4j-core:2.14.1",
    ]);
  });

  it("without Maven's word is known by its name and manifest", () => {
    const bytes = makeZip([
      { name: "META-INF/MANIFEST.MF", bytes: text("Bundle-SymbolicName: org.slf4j.api", "Bundle-Version: 9") },
    ]);
    expect(read("lib/slf4j-api-1.7.36.jar", bytes).packages).toMatchObject([
      { group: "org.slf4j.api", name: "slf4j-api", version: "1.7.36" },
    ]);
    expect(read("lib/thing.jar", makeZip([])).packages).toEqual([]);
  });

  it("is read behind the script of an executable jar", () => {
    const bytes = Buffer.concat([Buffer.from("#!/bin/sh\nexec java -jar $0\n"), makeZip([pom("app", "1.0")])]);
    expect(read("app.jar", bytes).packages).toHaveLength(1);
  });

  it("with a broken archive inside keeps what else it has, and says so", () => {
    const bytes = makeZip([pom("app", "1.0"), { name: "lib/broken.jar", bytes: Buffer.from("no zip") }]);
    expect(read("app.jar", bytes)).toMatchObject({
      packages: [{ name: "app" }],
      troubles: ["lib/broken.jar: it is no zip archive"],
    });
  });

  it("nested without end is read to a depth", () => {
    let bytes = makeZip([pom("core", "1.0")]);
    for (let depth = 0; depth < 10; depth++) bytes = makeZip([{ name: "lib/inner.jar", bytes }]);
    expect(read("app.jar", bytes).troubles).toEqual(["archives in it are nested deeper than 4 times"]);
  });
});

describe("Go's build info", () => {
  it("names the modules, what replaced them, and the standard library", () => {
    const info = goBuildInfo("go1.22.1", [
      ["path", "example.com/app"],
      ["mod", "example.com/app", "(devel)", ""],
      ["dep", "golang.org/x/net", "v0.17.0", "h1:abc"],
      ["dep", "github.com/old/thing", "v1.0.0"],
      ["=>", "github.com/new/thing", "v1.1.0", "h1:def"],
      ["build", "CGO_ENABLED=0"],
    ]);
    expect(readGoBuildInfo(info)?.packages.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "stdlib v1.22.1",
      "example.com/app ",
      "golang.org/x/net v0.17.0",
      "github.com/new/thing v1.1.0",
    ]);
  });

  it("of Go before 1.18 is a reason, and bytes that only look like it are nothing", () => {
    const old = goBuildInfo("go1.17", []);
    old[15] = 0;
    expect(() => readGoBuildInfo(old)).toThrow("Go before 1.18");
    expect(readGoBuildInfo(Buffer.concat([goMagic, Buffer.alloc(100, 0x20)]))).toBeUndefined();
  });
});

requirePrograms("docker-registry")("a program that Go itself built", () => {
  it("names its standard library", () => {
    const bytes = readFileSync("/usr/bin/docker-registry");
    const found = [];
    for (let at = bytes.indexOf(goMagic); at >= 0; at = bytes.indexOf(goMagic, at + 1)) {
      if (at % 16 === 0) found.push(...(readGoBuildInfo(bytes.subarray(at, at + 1_000_000))?.packages ?? []));
    }
    expect(found).toContainEqual({ ecosystem: "golang", name: "stdlib", version: expect.stringMatching(/^v1\.\d+/) });
  });
});
