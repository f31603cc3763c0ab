import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { formatAuthfile, secretsOf } from "../../src/core/hosts/auth-file.ts";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { findLogin, parseAuthfile } from "../../src/registry/logins/auth-file.ts";
import { createCredentials } from "../../src/registry/logins/credentials.ts";

const auth = (login: string) => Buffer.from(login).toString("base64");
const signal = new AbortController().signal;

describe("an auth file", () => {
  const file = JSON.stringify({
    auths: {
      "quay.io": { auth: auth("all:one") },
      "quay.io/org": { auth: auth("org:two:with:colons") },
      "quay.io/org/app": { username: "app", password: "three" },
      "https://index.docker.io/v1/": { auth: auth("hub:four") },
      "azure.example": { auth: auth("00000000:"), identitytoken: "refresh" },
      "broken.example": { auth: "!" },
      "empty.example": {},
    },
  });

  it.each([
    ["quay.io/org/app", { user: "app", password: "three" }],
    ["quay.io/org/app/sub", { user: "app", password: "three" }],
    ["quay.io/org/application", { user: "org", password: "two:with:colons" }],
    ["quay.io/other/app", { user: "all", password: "one" }],
    ["quay.io:8443/org/app", undefined],
    ["myquay.io/org/app", undefined],
    ["fedora", { user: "hub", password: "four" }],
    ["index.docker.io/me/app", { user: "hub", password: "four" }],
    ["azure.example/app", { user: "00000000", password: "", identityToken: "refresh" }],
    ["broken.example/app", undefined],
    ["empty.example/app", undefined],
  ])("gives %s the login with the longest key that fits", (image, login) => {
    expect(findLogin(parseAuthfile(file), parseImageReference(image))).toEqual(login);
  });

  it("may be the old .dockercfg", () => {
    const entries = parseAuthfile(JSON.stringify({ "https://quay.io/v2/": { auth: auth("a:b") } }));
    expect(findLogin(entries, parseImageReference("quay.io/x/y"))).toEqual({ user: "a", password: "b" });
  });

  it.each([["s3cret: {"], ["[]"], ["null"], ['{"auths": "s3cret"}']])(
    "that is none (%s) is refused without being quoted",
    (text) => {
      expect(() => parseAuthfile(text)).toThrow(SyntaxError);
      expect(() => parseAuthfile(text)).not.toThrow(/s3cret/);
    },
  );

  it("written for a child is read back the same, and holds nothing without a login", () => {
    const login = { user: "me", password: "päss:wörd" };
    expect(findLogin(parseAuthfile(formatAuthfile("r:5000", login)), parseImageReference("r:5000/a/b"))).toEqual(login);
    expect(formatAuthfile("r:5000", undefined)).toBe('{"auths":{}}');
    expect(secretsOf(login)).toEqual(["päss:wörd", auth("me:päss:wörd")]);
  });
});

describe("the login of a registry", () => {
  const directory = mkdtempSync(join(tmpdir(), "credentials-"));
  const authfile = join(directory, "auth.json");
  const image = parseImageReference("r.example/ns/app");
  const own = { user: "own", password: "1" };
  const cluster = { user: "serviceaccount", password: "3" };
  afterAll(() => rmSync(directory, { recursive: true }));

  const credentials = createCredentials({
    source: own,
    sourceAuthfile: authfile,
    loginFor: async ({ registry }, side) => (registry === "cluster.example" && side === "source" ? cluster : undefined),
  });

  it("is the operator's, else the auth file's as it is now, else the cluster's, else none", async () => {
    writeFileSync(authfile, JSON.stringify({ auths: { "r.example": { auth: auth("file:2") } } }));
    const find = (name: string, ownLogin: boolean) =>
      credentials.find({ image: parseImageReference(name), side: "source", ownLogin }, signal);
    expect(await find("r.example/ns/app", true)).toEqual(own);
    expect(await find("r.example/ns/app", false)).toEqual({ user: "file", password: "2" });
    expect(await find("cluster.example/ns/app", false)).toEqual(cluster);
    expect(await find("other.example/ns/app", false)).toBeUndefined();
    writeFileSync(authfile, JSON.stringify({ auths: { "r.example": { auth: auth("file:rotated") } } }));
    expect(await find("r.example/ns/app", false)).toEqual({ user: "file", password: "rotated" });
  });

  it("of one side is not the other's", async () => {
    expect(await credentials.find({ image, side: "destination", ownLogin: true }, signal)).toBeUndefined();
  });

  it("names the variable when the file is no config", async () => {
    writeFileSync(authfile, "s3cret");
    chmodSync(authfile, 0o600);
    await expect(credentials.check()).rejects.toThrow(/auth\.json \(BUILD_WATCHER_SRC_AUTHFILE\) is no docker config JSON$/);
  });
});
