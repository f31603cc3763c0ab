import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAuthorizer } from "../../src/registry/http/authorization.ts";
import { asksForBasic, bearersOf, parseChallenges } from "../../src/registry/http/challenges.ts";
import type { RegistryAccess, RegistryHttp } from "../../src/registry/http/registry-http.ts";
import type { RegistryLogin } from "../../src/registry/logins/credentials.ts";
import { getManifest, headManifest, tagManifest } from "../../src/registry/reading/distribution.ts";
import { readManifest } from "../../src/registry/reading/manifest.ts";
import { openTestCopier } from "../support/copier.ts";
import { answers, errorBody, type Fault, type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage, makeIndex } from "../support/registry-images.ts";
import { openTestParts } from "../support/registry-parts.ts";
import { makeCertificates, type RegistryServer, startRegistry } from "../support/registry-server.ts";

const signal = new AbortController().signal;
const login = { user: "serviceaccount", password: "tok3n" };

/** A registry's token service, as OpenShift has it beside its registry: what was asked of it, and tokens for one login only. */
function tokenService() {
  const asked: string[] = [];
  const fault: Fault = (incoming, response, url) => {
    const authorization = incoming.headers.authorization ?? "";
    if (!url.startsWith("/token")) {
      if (authorization.startsWith("Bearer good-")) return false;
      const challenge = `Bearer realm="http://${incoming.headers.host}/token",service="test",scope="repository:x:pull"`;
      response.writeHead(401, { "WWW-Authenticate": challenge }).end(errorBody("UNAUTHORIZED", "authentication required"));
      return true;
    }
    incoming.setEncoding("utf8");
    let body = "";
    incoming.on("data", (chunk: string) => {
      body += chunk;
    });
    incoming.on("end", () => {
      asked.push(`${incoming.method} ${decodeURIComponent(`${url} ${body}`)}`.trim());
      const basic = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
      const known = authorization === basic || body.includes("refresh_token=refresh");
      response.writeHead(known ? 200 : 401).end(known ? '{"access_token":"good-1"}' : errorBody("UNAUTHORIZED", "bad login"));
    });
    return true;
  };
  return { asked, fault };
}

requirePrograms(
  "docker-registry",
  "skopeo",
  "openssl",
)("the registry's HTTP API", () => {
  let registry: RegistryServer;
  let http: RegistryHttp;
  const opened: FaultyRegistry[] = [];

  beforeEach(async () => {
    registry = await startRegistry();
    http = openTestParts().http;
  });
  afterEach(async () => {
    http.close();
    await Promise.all([registry.close(), ...opened.splice(0).map((faulty) => faulty.close())]);
  });

  async function behind(fault: Fault): Promise<string> {
    const faulty = await startFaultyRegistry(registry, fault);
    opened.push(faulty);
    return faulty.host;
  }

  function open(host: string, access: Partial<RegistryAccess> = {}) {
    const repository = { registry: host, repository: "ns/app", actions: "pull,push" as const };
    return http.open({ ...repository, login: undefined, verifyTls: false, certificates: "", ...access });
  }

  it("finds, reads and tags manifests", async () => {
    const index = makeIndex();
    await registry.push("ns/app", index, "v1");
    const send = open(registry.host);
    expect(await headManifest(send, "v1", signal)).toBe(index.digest);
    expect(await headManifest(send, "v2", signal)).toBeUndefined();
    const manifest = await getManifest(send, index.digest, signal);
    expect(manifest).toMatchObject({ digest: index.digest, mediaType: index.mediaType, bytes: index.manifest });
    expect(readManifest(manifest).children.map(({ digest }) => digest)).toEqual(index.children.map(({ digest }) => digest));
    await tagManifest(send, "v2", manifest, signal);
    expect(await registry.digest("ns/app", "v2")).toBe(index.digest);
    await expect(getManifest(send, "v3", signal)).rejects.toMatchObject({ reason: "ImageNotFound" });
  });

  it.each<[string, RegistryLogin, RegExp]>([
    ["a password", login, /^GET \/token\?service=test&scope=repository:ns\/app:pull,push$/],
    [
      "a refresh token",
      { user: "0", password: "", identityToken: "refresh" },
      /^POST \/token service=test&scope=.*refresh_token=refresh$/,
    ],
  ])("gets a token for %s", async (_, used, request) => {
    const service = tokenService();
    const image = makeImage();
    await registry.push("ns/app", image, "v1");
    const send = open(await behind(service.fault), { login: used });
    expect(await headManifest(send, "v1", signal)).toBe(image.digest);
    await tagManifest(send, "v2", await getManifest(send, "v1", signal), signal);
    expect(service.asked).toEqual([expect.stringMatching(request)]);
  });

  it("copies through token services, as the cluster's registry has one", async () => {
    const name = await registry.push("ns/app", makeImage());
    const host = await behind(tokenService().fault);
    const copier = await openTestCopier({ pushRegistry: `${host}/copies`, loginFor: async () => login });
    await expect(copier.copyNamed(name.replace(registry.host, host))).resolves.toMatchObject({ repository: "copies/ns-app" });
    expect(await registry.digest("copies/ns-app", name.split("@")[1] ?? "")).toBeDefined();
    await copier.remove();
  });

  it("trusts the certificates it is given, and others not", async () => {
    const certificates = makeCertificates();
    const secure = await startRegistry({ tls: certificates });
    const image = makeImage();
    await secure.push("ns/app", image, "v1");
    const trusted = readFileSync(join(certificates.caDirectory, "ca.crt"), "utf8");
    const head = (access: Partial<RegistryAccess>) => headManifest(open(secure.host, access), "v1", signal);
    await expect(head({ verifyTls: true })).rejects.toMatchObject({ reason: "RegistryUntrusted" });
    await expect(head({ verifyTls: true, certificates: trusted })).resolves.toBe(image.digest);
    await expect(head({ verifyTls: false })).resolves.toBe(image.digest);
    await secure.close();
    certificates.remove();
  });

  it.each<[string, Fault, object]>([
    ["401", answers("GET", /./, 401, errorBody("UNAUTHORIZED", "no")), { reason: "RegistryDenied", retryable: false }],
    ["403", answers("GET", /./, 403, "{}"), { reason: "RegistryDenied" }],
    ["429", answers("GET", /./, 429, "{}", { "Retry-After": "7" }), { reason: "RateLimited", retryAfter: 7_000 }],
    [
      "403 and when to come again",
      answers("GET", /./, 403, "{}", { "Retry-After": "7" }),
      { reason: "RateLimited", retryAfter: 7_000 },
    ],
    ["503", answers("GET", /./, 503, "<html>"), { reason: "RegistryUnavailable", retryable: true }],
    ["another manifest than asked for", answers("GET", /./, 200, "{}"), { reason: "CopyFailed" }],
    ["a reset", (incoming) => !!incoming.socket.resetAndDestroy(), { reason: "RegistryUnavailable" }],
  ])("says what it means when the answer is %s", async (_, fault, expected) => {
    const send = open(await behind(fault), { login });
    const error = await getManifest(send, `sha256:${"a".repeat(64)}`, signal).catch((failure: unknown) => failure);
    expect(error).toMatchObject(expected);
    expect(String(error)).not.toContain(login.password);
  });

  it("throws the signal's reason when it fires", async () => {
    const controller = new AbortController();
    const send = open(await behind(() => true));
    const asked = headManifest(send, "v1", controller.signal);
    await opened[0]?.struck;
    controller.abort(new Error("stop"));
    await expect(asked).rejects.toThrow("stop");
  });

  it("slows all copies to a host down that answers 429, and gives the jobs back meanwhile", async () => {
    const limited = await behind(answers("HEAD", /manifests/, 429, "{}", { "Retry-After": "60" }));
    const copier = await openTestCopier({ pushRegistry: limited });
    const names = await Promise.all(["ns/one", "ns/two"].map((repository) => registry.push(repository, makeImage())));
    await expect(copier.copyNamed(names[0] ?? "")).rejects.toMatchObject({ reason: "RateLimited", retryAfter: 60_000 });
    await expect(copier.copyNamed(names[1] ?? "")).rejects.toThrow(/gets none for (?:60|59) s/);
    expect(copier.reports.map(({ kind }) => kind)).toEqual(["ended", "ended"]);
    await copier.remove();
  });
});

describe("a challenge", () => {
  function authorizer(asked: string[], used: RegistryLogin | undefined) {
    const settings = { registry: "r.example:5000", repository: "ns/app", actions: "pull" as const, now: Date.now };
    const isTokenService = (_: string, { hostname }: URL) => hostname.endsWith("r.example");
    return createAuthorizer({ ...settings, login: used, isTokenService }, async ({ href }) => {
      asked.push(href);
      throw new Error("asked");
    });
  }

  it.each([
    ["http://auth.r.example/token", login, /names its token service by http .*Correct the external URL/],
    ["http://auth.r.example/token", undefined, /names its token service by http/],
    ["https://thief.example/token", login, /sends logins to thief.example.*BUILD_WATCHER_TRUSTED_HOSTS/],
    ["file:///etc/passwd", undefined, /which is not a URL/],
  ])("that leads to %s is refused to who came by https", async (realm, used, message) => {
    const asked: string[] = [];
    const answer = authorizer(asked, used).answer(parseChallenges(`Bearer realm="${realm}"`), true, signal);
    await expect(answer).rejects.toThrow(message);
    await expect(answer).rejects.toMatchObject({ reason: "RegistryUntrusted", retryable: false });
    expect(asked).toEqual([]);
  });

  it.each([
    ["https://auth.r.example/token", login, true],
    ["http://auth.r.example/token", login, false],
    ["https://elsewhere.example/token", undefined, true],
  ])("that leads to %s is followed", async (realm, used, secure) => {
    const answer = authorizer([], used).answer(parseChallenges(`Bearer realm="${realm}"`), secure, signal);
    await expect(answer).rejects.toThrow("asked");
  });

  it.each([
    ['Bearer realm="https://r/t",service="s",scope="repository:a/b:pull,push"', [{ realm: "https://r/t", service: "s" }], false],
    ['Basic realm="x", bearer realm="https://r/t"', [{ realm: "https://r/t", service: undefined }], true],
    ['Bearer realm="https://r/t",service="s", Basic realm="Registry Realm"', [{ realm: "https://r/t", service: "s" }], true],
    ['Bearer realm="https://r/t", Digest realm="x", nonce="n"', [{ realm: "https://r/t", service: undefined }], false],
    ["Negotiate YII=, BEARER Realm=https://r/t , service = s", [{ realm: "https://r/t", service: "s" }], false],
    ['Bearer realm="https://r/t", realm="https://other/t"', [{ realm: "https://r/t", service: undefined }], false],
    ['Basic realm="x"', [], true],
    ["Bearer", [], false],
    ['Bearer realm="', [], false],
  ])("%s is read", (header, bearers, basic) => {
    expect(bearersOf(parseChallenges(header))).toEqual(bearers);
    expect(asksForBasic(parseChallenges(header))).toBe(basic);
  });
});
