import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { formatImageReference, parseImageReference } from "../../src/core/images/image-reference.ts";
import type { ImageCopierSettings } from "../../src/registry/skopeo/skopeo-copier.ts";
import { openTestCopier, type TestCopier, temporaryDirectory } from "../support/copier.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage, makeIndex } from "../support/registry-images.ts";
import { makeCertificates, type RegistryServer, startRegistry, type TestCertificates } from "../support/registry-server.ts";

const alice = { user: "alice", password: "first-S3cret" };
const bob = { user: "bob", password: "second-S3cret" };
const signal = new AbortController().signal;

requirePrograms(
  "skopeo",
  "docker-registry",
  "htpasswd",
  "openssl",
)("copying images", () => {
  let source: RegistryServer;
  let destination: RegistryServer;
  let certificates: TestCertificates;
  const copiers: TestCopier[] = [];

  beforeAll(async () => {
    certificates = makeCertificates();
    [source, destination] = await Promise.all([
      startRegistry({ login: alice }),
      startRegistry({ login: bob, tls: certificates }),
    ]);
  });
  afterEach(async () => {
    await Promise.all(copiers.splice(0).map((copier) => copier.remove()));
  });
  afterAll(async () => {
    await Promise.all([source.close(), destination.close()]);
    certificates.remove();
  });

  async function open(path: string, settings: Partial<ImageCopierSettings> = {}): Promise<TestCopier> {
    const copier = await openTestCopier({
      pushRegistry: `${destination.host}/${path}`,
      source: alice,
      destination: bob,
      destinationVerifyTls: true,
      certsDirectory: certificates.caDirectory,
      ...settings,
    });
    copiers.push(copier);
    return copier;
  }

  it("brings the images of two namespaces over by digest, shows no password to any process, and copies nothing twice", async () => {
    const names = await Promise.all(
      Array.from({ length: 6 }, (_, index) => source.push(`${index % 2 ? "one" : "two"}/app${index >> 1}`, makeImage(), "v1")),
    );
    const copier = await open("many");
    const spy = spyOnChildren(copier.stateDirectory);
    const copies = await inParallel(3, names, (name) => copier.copyNamed(name.replace("@", ":v1@")));
    const seen = spy.stop();

    expect(copies.map(formatImageReference)).toEqual(
      names.map((name) => name.replace(source.host, `${destination.host}/many`).replace(/(one|two)\//, "$1-")),
    );
    for (const { repository, digest = "" } of copies) {
      expect(await destination.digest(repository, "v1")).toBe(digest);
      expect(await destination.digest(repository, `digest-${digest.slice(7)}`)).toBe(digest);
    }
    expect(seen.processes).toBeGreaterThan(0);
    expect(seen.text).toContain("--src-authfile");
    const output = `${seen.text}${JSON.stringify(copier.reports)}`;
    for (const { user, password } of [alice, bob]) {
      expect(output).not.toContain(password);
      expect(output).not.toContain(Buffer.from(`${user}:${password}`).toString("base64"));
    }
    expect(seen.modes).toEqual(new Set(["600"]));
    expect(copier.childFiles()).toEqual([]);

    const before = await uploads(destination);
    const fresh = await open("many");
    expect(await inParallel(4, names, (name) => fresh.copyNamed(name.replace("@", ":v1@")))).toEqual(copies);
    expect(new Set(fresh.outcomes())).toEqual(new Set(["present"]));
    expect(await uploads(destination)).toBe(before);
  });

  it("keeps the digest of an index of several platforms", async () => {
    const index = makeIndex(["amd64", "s390x", "arm64"]);
    const name = await source.push("ns/multi", index, "v1");
    const copy = await (await open("index")).copyNamed(name);
    expect(copy.digest).toBe(index.digest);
    for (const child of index.children) expect(await destination.digest(copy.repository, child.digest)).toBe(child.digest);
  });

  it("finds out the digest of an image that is named by tag alone", async () => {
    const image = makeImage();
    await source.push("ns/tagged", image, "v7");
    const copy = await (await open("tagged")).copyNamed(`${source.host}/ns/tagged:v7`);
    expect(copy).toMatchObject({ repository: "tagged/ns-tagged", tag: "v7", digest: image.digest });
  });

  it("copies an image once for jobs that want it at the same time, and gives it each one's tag", async () => {
    const image = makeImage();
    const name = await source.push("ns/shared", image, "a");
    const copier = await open("shared");
    const copies = await Promise.all(["a", "b", "c"].map((tag) => copier.copyNamed(name.replace("@", `:${tag}@`))));
    expect(copier.outcomes().sort()).toEqual(["copied", "shared", "shared"]);
    for (const { repository, tag = "" } of copies) expect(await destination.digest(repository, tag)).toBe(image.digest);
  });

  it("adds a missing tag to an image that is there, and takes none from a newer one", async () => {
    const [older, newer] = [makeImage(), makeImage()];
    const copier = await open("tags");
    const oldName = await source.push("ns/moving", older, "old");
    await copier.copyNamed(oldName.replace("@", ":latest@"));
    await copier.copyNamed((await source.push("ns/moving", newer, "new")).replace("@", ":latest@"));
    await copier.copyNamed(oldName.replace("@", ":latest@"));
    await copier.copyNamed(oldName.replace("@", ":stable@"));
    expect(copier.outcomes()).toEqual(["copied", "copied", "present", "present"]);
    expect(await destination.digest("tags/ns-moving", "latest")).toBe(newer.digest);
    expect(await destination.digest("tags/ns-moving", "stable")).toBe(older.digest);
    expect(await destination.digest("tags/ns-moving", `digest-${older.digest.slice(7)}`)).toBe(older.digest);
  });

  it("puts every image into the one repository of a flat push registry", async () => {
    const image = makeImage();
    const copier = await open("org/all", { layout: "flat" });
    const copy = await copier.copyNamed(await source.push("ns/flat", image));
    expect(formatImageReference(copy)).toBe(`${destination.host}/org/all@${image.digest}`);
    expect(await destination.digest("org/all", `flat-digest-${image.digest.slice(7)}`)).toBe(image.digest);
  });

  it("leaves images of excluded registries, and those in the push registry, where they are", async () => {
    const copier = await open("skip", { skip: ["*.redhat.com"] });
    for (const name of ["registry.access.redhat.com/ubi9@", `${destination.host}/skip/app@`]) {
      const image = parseImageReference(`${name}sha256:${"a".repeat(64)}`);
      expect(await copier.copy(image, signal)).toBe(image);
      expect(copier.target(image)).toBeUndefined();
      expect(copier.skippedByPattern(image)).toBe(name.includes("redhat"));
    }
    expect(copier.reports).toEqual([]);
  });

  it("shows the source login to no registry that builds do not push to", async () => {
    const copier = await open("foreign");
    const image = parseImageReference(await source.push("ns/foreign", makeImage()));
    await expect(copier.copy(image, signal)).rejects.toMatchObject({ reason: "RegistryDenied" });
    await expect(copier.copy(image, signal, { inSourceRegistry: true })).resolves.toMatchObject({ digest: image.digest });
  });

  it("takes logins from auth files and the cluster's token from its callback, reading both anew for every copy", async () => {
    const directory = temporaryDirectory();
    const authfile = join(directory, "config.json");
    const write = (login: typeof bob) => {
      const auth = Buffer.from(`${login.user}:${login.password}`).toString("base64");
      writeFileSync(authfile, JSON.stringify({ auths: { [`${destination.host}/files`]: { auth } } }));
    };
    write({ ...bob, password: "expired" });
    const tokens = ["expired", alice.password];
    const copier = await open("files", {
      source: undefined,
      destination: undefined,
      destinationAuthfile: authfile,
      loginFor: async (image, side) => {
        if (side === "destination" || image.registry !== source.host) return undefined;
        if (tokens.length === 1) write(bob);
        return { user: alice.user, password: tokens.shift() ?? alice.password };
      },
    });
    const name = await source.push("ns/files", makeImage());
    await expect(copier.copyNamed(name)).resolves.toMatchObject({ registry: destination.host });
    expect(copier.outcomes()).toEqual(["copied"]);
    rmSync(directory, { recursive: true });
  });
});

/** Collects what every user of the machine could see of the children that work below a directory. */
function spyOnChildren(directory: string) {
  const seen = { text: "", pids: new Set<string>(), modes: new Set<string>() };
  const look = () => {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const commandLine = read(`/proc/${pid}/cmdline`);
      if (!commandLine.includes(directory)) continue;
      if (!seen.pids.has(pid)) seen.text += `${commandLine}\n${read(`/proc/${pid}/environ`)}\n`;
      seen.pids.add(pid);
      const authfile = /--src-authfile\0([^\0]+)/.exec(commandLine)?.[1];
      const mode = authfile && statSync(authfile, { throwIfNoEntry: false })?.mode;
      if (mode) seen.modes.add((mode & 0o777).toString(8));
    }
  };
  const timer = setInterval(look, 5);
  return {
    stop() {
      clearInterval(timer);
      return { text: seen.text, processes: seen.pids.size, modes: seen.modes };
    },
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function uploads(registry: RegistryServer): Promise<number> {
  return (await registry.requests()).filter(
    ({ method, path }) => method !== "HEAD" && method !== "GET" && path.includes("/blobs/"),
  ).length;
}

async function inParallel<T, R>(workers: number, items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const run = async () => {
    for (const [index, item] of entries) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: workers }, run));
  return results;
}

describe("opening a copier", () => {
  const settings = { pushRegistry: "push.example.com" };

  it.each([
    [
      "a skopeo that is not there",
      { skopeoPath: "/nowhere/skopeo" },
      /\/nowhere\/skopeo cannot be run.*Install skopeo.*SKOPEO_EXEC_PATH/,
    ],
    ["a template that names nothing", { template: "{nothing}" }, /BUILD_WATCHER_PUSH_TEMPLATE/],
    ["an auth file that is not there", { destinationAuthfile: "/nowhere/auth" }, /\/nowhere\/auth.*BUILD_WATCHER_DST_AUTHFILE/],
    ["certificates that are not there", { certsDirectory: "/nowhere/certs" }, /\/nowhere\/certs.*BUILD_WATCHER_REGISTRY_CERTS/],
  ])("says what to change about %s", async (_, wrong, message) => {
    const stateDirectory = temporaryDirectory();
    const skopeoPath = join(stateDirectory, "skopeo.sh");
    writeFileSync(skopeoPath, '#!/bin/sh\necho "skopeo version 1.9.0"\n', { mode: 0o755 });
    await expect(openTestCopier({ ...settings, stateDirectory, skopeoPath, ...wrong })).rejects.toThrow(message);
    rmSync(stateDirectory, { recursive: true });
  });
});
