import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { goProgram } from "../support/go-program.ts";
import { openTestInventory, type TestInventory } from "../support/inventory.ts";
import { type LayerEntry, makeFileLayer } from "../support/layers.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { rpmDatabase } from "../support/rpm.ts";
import { findTrivy } from "../support/trivy.ts";
import { makeZip } from "../support/zip.ts";

const text = (...lines: readonly string[]) => `${lines.join("\n")}\n`;
const pom = (artifact: string, version: string) => ({
  name: `META-INF/maven/org.example/${artifact}/pom.properties`,
  bytes: Buffer.from(text("groupId=org.example", `artifactId=${artifact}`, `version=${version}`)),
});

const trivyPath = findTrivy();

/** Everything that is read, in one image on a Debian. */
const everything = (): readonly Readonly<Record<string, LayerEntry>>[] => [
  {
    "etc/os-release": text("ID=debian", 'VERSION_ID="12"'),
    "etc/debian_version": text("12.7"),
    "var/lib/dpkg/status": readFileSync("/var/lib/dpkg/status"),
  },
  {
    "app/node_modules/left-pad/package.json": '{"name":"left-pad","version":"1.3.0","license":"MIT"}',
    "app/node_modules/@babel/core/package.json": '{"name":"@babel/core","version":"7.0.0"}',
    "usr/lib/python3/dist-packages/Flask_Login-0.6.dist-info/METADATA": text(
      "Metadata-Version: 2.1",
      "Name: Flask_Login",
      "Version: 0.6",
    ),
    "usr/lib/python3/dist-packages/ruamel.yaml-0.18.egg-info/PKG-INFO": text(
      "Metadata-Version: 2.1",
      "Name: ruamel.yaml",
      "Version: 0.18",
    ),
    "app/app.jar": makeZip([
      pom("thing", "1.2"),
      { name: "BOOT-INF/lib/inner-2.14.1.jar", bytes: makeZip([pom("inner", "2.14.1")]) },
    ]),
  },
];

const alpine = (): readonly Readonly<Record<string, LayerEntry>>[] => [
  {
    "etc/os-release": text("ID=alpine", "VERSION_ID=3.20.3"),
    "etc/alpine-release": text("3.20.3"),
    "lib/apk/db/installed": text(
      ...["P:musl", "V:1.2.5-r0", "A:x86_64", "L:MIT", "o:musl", ""],
      ...["P:libcrypto3", "V:3.3.2-r0", "A:x86_64", "L:Apache-2.0", "o:openssl", ""],
      ...["P:libstdc++", "V:13.2.1_git20240309-r0", "A:x86_64", "L:GPL-2.0-or-later AND LGPL-2.1-or-later", "o:gcc", ""],
    ),
  },
  {
    "usr/bin/app": goProgram("go1.22.5", [
      ["path", "example.com/app"],
      ["mod", "example.com/app", "v1.2.3", "h1:abc="],
      ["dep", "github.com/Azure/go-ntlmssp", "v0.0.0-20221128193559-754e69321358", "h1:abc="],
      ["dep", "golang.org/x/net", "v0.24.0"],
      ["=>", "golang.org/x/net", "v0.25.0", "h1:abc="],
      ["dep", "gopkg.in/yaml.v3", "v3.0.1", "h1:abc="],
    ]),
  },
];

const redHat = (): readonly Readonly<Record<string, LayerEntry>>[] => [
  {
    "etc/os-release": text('ID="rhel"', 'VERSION_ID="9.4"'),
    "etc/redhat-release": text("Red Hat Enterprise Linux release 9.4 (Plow)"),
    "var/lib/rpm/rpmdb.sqlite": rpmDatabase([
      { name: "openssl-libs", version: "3.0.7", release: "27.el9", epoch: 1, sourceRpm: "openssl-3.0.7-27.el9.src.rpm" },
      { name: "libstdc++", version: "11.4.1", release: "3.el9" },
      { name: "perl", version: "5.1^git", release: "1~2", architecture: "noarch", modularity: "perl:5.30:8010:x" },
    ]).database,
  },
];

requirePrograms(
  "docker-registry",
  "rpmdb",
  ...(trivyPath === undefined ? ["trivy"] : []),
)("against Trivy", () => {
  let registry: RegistryServer;
  let test: TestInventory;
  let cache: string;

  beforeAll(async () => {
    [registry, test] = [await startRegistry(), await openTestInventory()];
    cache = emptyJavaDatabase();
  });
  afterAll(async () => {
    await registry.close();
    await test[Symbol.asyncDispose]();
    rmSync(cache, { recursive: true, force: true });
  });

  it.each([
    ["a Debian with packages of every language", everything],
    ["a Red Hat", redHat],
    ["an Alpine with a program of Go's", alpine],
  ])("%s has the same package URLs", { timeout: 240_000 }, async (_, layersOf) => {
    const layers = await Promise.all(layersOf().map(makeFileLayer));
    const name = await registry.push("shop/app", makeImage({ layers }));
    const { digest } = await test.read(name);
    const document = await test.inventory.known.document(digest, { image: parseImageReference(name), specVersion: "1.5" });
    expect(urlsOf(Buffer.from(document ?? []).toString())).toEqual(urlsOf(await trivy(name)));
  });

  async function trivy(name: string): Promise<string> {
    const args = ["image", "--format", "cyclonedx", "--quiet", "--insecure", "--skip-java-db-update", name];
    const { stdout } = await promisify(execFile)(trivyPath ?? "", args, {
      maxBuffer: 2 ** 28,
      env: { ...process.env, TRIVY_CACHE_DIR: cache },
    });
    return stdout;
  }
});

/**
 * Package URLs as a set, by what they mean. What differs, and why: this Trivy leaves `+` as it is, where the specification has it encoded; it sorts
 * qualifiers otherwise, names Alpine's release without `alpine-`, which Dependency-Track looks for, and leaves out the module that a Go program
 * is itself and the standard library in it.
 */
function urlsOf(document: string): string[] {
  const { components } = JSON.parse(document) as { components: readonly { purl?: string }[] };
  const meaning = (purl: string) => {
    const [path = "", qualifiers = ""] = purl.split("?");
    const named = qualifiers.replace("distro=alpine-", "distro=");
    return [decodeURIComponent(path), ...named.split("&").toSorted().map(decodeURIComponent)].join(" ");
  };
  const isLeftOut = (purl: string) => /^pkg:golang\/(?:stdlib|example\.com\/app)@/.test(purl);
  return [...new Set(components.flatMap(({ purl }) => (purl && !isLeftOut(purl) ? [meaning(purl)] : [])))].toSorted();
}

/** Trivy does not start on an image with jars without its database of them; an empty one makes it read the jars themselves. */
function emptyJavaDatabase(): string {
  const cache = mkdtempSync(join(tmpdir(), "trivy-"));
  const directory = join(cache, "java-db");
  mkdirSync(directory);
  const database = new DatabaseSync(join(directory, "trivy-java.db"));
  database.exec("CREATE TABLE artifacts (id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT)");
  database.exec("CREATE TABLE indices (artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, license TEXT)");
  database.close();
  const [past, future] = ["2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"];
  writeFileSync(
    join(directory, "metadata.json"),
    JSON.stringify({ Version: 1, NextUpdate: future, UpdatedAt: past, DownloadedAt: past }),
  );
  return cache;
}
