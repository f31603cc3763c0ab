import { mkdirSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { checkPush } from "../../src/registry/copying/push-check.ts";
import { createAuthorizer } from "../../src/registry/http/authorization.ts";
import { challengeForSkopeo, parseChallenges } from "../../src/registry/http/challenges.ts";
import { getManifest } from "../../src/registry/reading/distribution.ts";
import { openTestCopier, type TestCopier, testCopierSettings } from "../support/copier.ts";
import { answers, type Fault, type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { type Oddity, type OddRegistry, startOddRegistry } from "../support/odd-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { digestOf, type MadeImage, makeImage, makeIndex } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";

const signal = new AbortController().signal;
const oci = "application/vnd.oci.image.manifest.v1+json";

function isBot({ headers }: IncomingMessage): boolean {
  return headers["user-agent"] === "build-watcher";
}

const imageConfig = "application/vnd.oci.image.config.v1+json";

/** The same image in OCI's clothes, or in those of an artifact. */
function makeOciImage(configType = imageConfig, layerType = "application/vnd.oci.image.layer.v1.tar+gzip"): MadeImage {
  const image = makeImage();
  const fields = JSON.parse(image.manifest.toString()) as { config: object; layers: readonly object[] };
  const config = { ...fields.config, mediaType: configType };
  const layers = fields.layers.map((layer) => ({ ...layer, mediaType: layerType }));
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: oci, config, layers }));
  return { ...image, mediaType: oci, manifest, digest: digestOf(manifest) };
}

requirePrograms("skopeo", "docker-registry")("a copy", () => {
  let source: RegistryServer;
  let destination: RegistryServer;
  const opened: (FaultyRegistry | OddRegistry)[] = [];
  const copiers: TestCopier[] = [];

  beforeAll(async () => {
    [source, destination] = await Promise.all([startRegistry(), startRegistry()]);
  });
  afterEach(async () => {
    await Promise.all(copiers.splice(0).map((copier) => copier.remove()));
    await Promise.all(opened.splice(0).map((one) => ("close" in one ? one.close() : one[Symbol.asyncDispose]())));
  });
  afterAll(async () => {
    await Promise.all([source.close(), destination.close()]);
  });

  async function behind(registry: RegistryServer, fault: Fault): Promise<string> {
    const faulty = await startFaultyRegistry(registry, fault);
    opened.push(faulty);
    return faulty.host;
  }

  async function open(pushRegistry: string): Promise<TestCopier> {
    const copier = await openTestCopier({ pushRegistry });
    copiers.push(copier);
    return copier;
  }

  const page = "<html><title>Log in</title></html>";
  const everywhere: Oddity = (_, response) => !!response.writeHead(200, { "Content-Type": "text/html" }).end(page);
  const behindLogin: Oddity = (request, response, url) =>
    url === "/login" ? everywhere(request, response, url) : !!response.writeHead(302, { Location: "/login" }).end();

  it.each([
    ["a web server that answers everything", everywhere],
    ["a login page", behindLogin],
  ])("to %s is no copy, and nothing is sent there", async (_, oddity) => {
    const registry = await startOddRegistry({ oddity });
    opened.push(registry);
    const copier = await open(`${registry.host}/mirror`);
    const copy = copier.copyNamed(await source.push("shop/app", makeImage()));
    await expect(copy).rejects.toThrow(/ answers .* with text\/html, which is not an answer of a registry: something else/);
    await expect(copy).rejects.toMatchObject({ reason: "CopyFailed" });
    expect(copier.reports.map(({ kind }) => kind)).toEqual(["ended"]);
    expect(registry.asked.filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
  });

  const other = digestOf(Buffer.from("other"));
  it.each<[string, Fault]>([
    [
      "HEAD shows another digest",
      answers("HEAD", /manifests\/sha256:/, 200, "", { "Docker-Content-Digest": other, "Content-Type": oci }),
    ],
    ["HEAD shows a page", answers("HEAD", /manifests\/sha256:/, 200, "", { "Content-Type": "text/html" })],
    [
      "HEAD shows a page and the digest that was asked for",
      (incoming, response, url) => {
        const [digest = ""] = /sha256:.*/.exec(url) ?? [];
        const fault = answers("HEAD", /manifests\/sha256:/, 200, "", {
          "Content-Type": "text/html",
          "Docker-Content-Digest": digest,
        });
        return fault(incoming, response, url);
      },
    ],
    [
      "GET shows another image",
      answers("GET", /manifests\/sha256:/, 200, makeOciImage().manifest.toString(), { "Content-Type": oci }),
    ],
  ])("is made where the push registry only seems to have it: %s", async (_, fault) => {
    const image = makeImage();
    const copier = await open(`${await behind(destination, (...request) => isBot(request[0]) && fault(...request))}/seeming`);
    const { repository } = await copier.copyNamed(await source.push("shop/app", image));
    expect(copier.outcomes()).toEqual(["copied"]);
    expect(await destination.digest(repository, image.digest)).toBe(image.digest);
  });

  const pageAt = (method: string, path: RegExp) => answers(method, path, 200, page, { "Content-Type": "text/html" });

  it("fails where a page takes the place of the answer to its manifest, which skopeo takes for success", async () => {
    const copier = await open(`${await behind(destination, pageAt("PUT", /manifests\/digest-/))}/kept-back`);
    const copy = copier.copyNamed(await source.push("shop/app", makeImage()));
    await expect(copy).rejects.toThrow(/skopeo said that it copied .*\/kept-back\/shop-app, but it is not there/);
    await expect(copy).rejects.toMatchObject({ reason: "CopyFailed", retryable: true });
  });

  it.each<[string, Fault]>([
    ["a page", pageAt("PUT", /manifests\/latest/)],
    ["an answer that says nothing", answers("PUT", /manifests\/latest/, 202, "")],
  ])("gets a note where %s takes the place of the answer to its tag", async (name, fault) => {
    const image = makeImage();
    const copier = await open(`${await behind(destination, fault)}/tag-${name.length}`);
    const notes: string[] = [];
    const reference = parseImageReference((await source.push("shop/app", image)).replace("@", ":latest@"));
    const { repository } = await copier.copy(reference, signal, { completedAt: 1, note: (text) => notes.push(text) });
    expect(await destination.digest(repository, image.digest)).toBe(image.digest);
    expect(notes).toEqual([
      expect.stringMatching(/^The tag latest of .* was not set: the registry took it and does not show it\./),
    ]);
  });

  it("is finished where nothing can be asked after it", async () => {
    let pushed = false;
    const host = await behind(destination, (incoming, response, url) => {
      pushed ||= incoming.method === "PUT" && url.includes("/manifests/");
      return pushed && isBot(incoming) && !!response.writeHead(503).end();
    });
    const copier = await open(`${host}/unasked`);
    await copier.copyNamed(await source.push("shop/app", makeImage()));
    expect(copier.outcomes()).toEqual(["copied"]);
  });

  it("is present where HEAD says 404 and GET has it", async () => {
    const copier = await open(`${await behind(destination, answers("HEAD", /manifests/, 404, ""))}/headless`);
    const name = await source.push("shop/app", makeImage());
    await copier.copyNamed(name);
    await copier.copyNamed(name);
    expect(copier.outcomes()).toEqual(["copied", "present"]);
  });

  it.each([400, 405, 406, 415, 500, 501])("is made, and then present, where HEAD is answered with %i", async (status) => {
    const fault = answers("HEAD", /manifests/, status, "");
    const copier = await open(`${await behind(destination, (...request) => isBot(request[0]) && fault(...request))}/s${status}`);
    const name = await source.push("shop/app", makeImage());
    await copier.copyNamed(name);
    await copier.copyNamed(name);
    expect(copier.outcomes()).toEqual(["copied", "present"]);
  });

  it.each<[string, Fault]>([
    ["refuses with 400", answers("GET", /manifests/, 400, "{}")],
    ["refuses with 403", answers("GET", /manifests/, 403, "{}")],
    ["refuses with 501", answers("GET", /manifests/, 501, "{}")],
    ["breaks off", (incoming) => /manifests/.test(incoming.url ?? "") && !!incoming.socket.resetAndDestroy()],
    ["shows another image", answers("GET", /manifests/, 200, makeOciImage().manifest.toString(), { "Content-Type": oci })],
  ])("is made by skopeo, with the right tags, where the source %s when the bot asks", async (_, fault) => {
    const image = makeOciImage();
    const name = await source.push("shop/app", image);
    const copier = await open(`${destination.host}/asked`);
    const host = await behind(source, (...request) => isBot(request[0]) && fault(...request));
    const { repository } = await copier.copyNamed(name.replace(source.host, host).replace("@", ":latest@"));
    expect(await destination.digest(repository, "latest")).toBe(image.digest);
    expect(await destination.digest(repository, `digest-${image.digest.slice(7)}`)).toBe(image.digest);
  });

  it.each<[string, Fault]>([
    ["refuses with 400", answers("GET", /manifests/, 400, "{}")],
    ["refuses with 403", answers("GET", /manifests/, 403, "{}")],
    ["breaks off", (incoming) => /manifests/.test(incoming.url ?? "") && !!incoming.socket.resetAndDestroy()],
    ["shows a page", answers("GET", /manifests/, 200, "{}", { "Content-Type": "application/json" })],
  ])("of an image known by tag alone is made by skopeo where the source %s when the bot asks", async (_, fault) => {
    const index = makeIndex();
    await source.push("shop/by-tag", index, "1.0");
    const copier = await open(`${destination.host}/by-tag`);
    const host = await behind(source, (...request) => isBot(request[0]) && fault(...request));
    await expect(copier.copyNamed(`${host}/shop/by-tag:1.0`)).resolves.toMatchObject({ digest: index.digest });
  });

  type Answer = { status: number; readonly headers: Headers; body: Buffer };

  /** Every answer about a manifest, changed on its way to whoever asks. */
  function changed(registry: RegistryServer, change: (method: string, answer: Answer) => void): Fault {
    return ({ method = "", headers }, response, url) => {
      if (!["GET", "HEAD"].includes(method) || !url.includes("/manifests/")) return false;
      void fetch(`${registry.url}${url}`, { method, headers: { Accept: String(headers.accept) } }).then(async (got) => {
        const answer = { status: got.status, headers: new Headers(got.headers), body: Buffer.from(await got.arrayBuffer()) };
        change(method, answer);
        response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(answer.body);
      });
      return true;
    };
  }

  it.each<[string, (method: string, answer: Answer) => void]>([
    [
      "its type in capitals and with parameters, its digest in quotation marks",
      (_, { headers }) => {
        headers.set("content-type", `${headers.get("content-type")?.toUpperCase()} ; charset=UTF-8`);
        headers.set("docker-content-digest", `"${headers.get("docker-content-digest")}"`);
      },
    ],
    [
      "no digest in a header, and 204 to HEAD",
      (method, answer) => {
        answer.headers.delete("docker-content-digest");
        if (method === "HEAD" && answer.status === 200) answer.status = 204;
      },
    ],
    [
      "another digest to HEAD",
      (method, { headers }) => method === "HEAD" && headers.set("docker-content-digest", digestOf(Buffer.from("other"))),
    ],
    [
      "its body packed and in pieces, and 401 to HEAD",
      (method, answer) => {
        if (method === "HEAD") answer.status = 401;
        else {
          answer.headers.set("content-encoding", "gzip");
          answer.headers.delete("content-length");
          answer.body = gzipSync(answer.body);
        }
      },
    ],
  ])("is made, and then present, where both registries give a manifest %s", async (name, change) => {
    const image = makeOciImage();
    const pushed = await source.push("shop/app", image);
    const from = await behind(source, changed(source, change));
    const copier = await open(`${await behind(destination, changed(destination, change))}/odd-${name.length}`);
    for (const _ of ["first", "second"]) await copier.copyNamed(pushed.replace(source.host, from));
    expect(copier.outcomes()).toEqual(["copied", "present"]);
    expect(await destination.digest(`odd-${name.length}/shop-app`, image.digest)).toBe(image.digest);
  });

  it.each<[string, number, Readonly<Record<string, string>>, string]>([
    ["503", 503, {}, "RegistryUnavailable"],
    ["429", 429, {}, "RateLimited"],
    ["403 with Retry-After", 403, { "Retry-After": "1" }, "RateLimited"],
  ])("waits, and skopeo is not started, where the bot is answered %s", async (_, status, headers, reason) => {
    const refused = answers("GET", /manifests/, status, "", headers);
    const name = await source.push("shop/app", makeImage());
    const copier = await open(`${destination.host}/patient`);
    const host = await behind(source, (...request) => isBot(request[0]) && refused(...request));
    await expect(copier.copyNamed(name.replace(source.host, host))).rejects.toMatchObject({ reason, retryable: true });
    expect(copier.reports.map(({ kind }) => kind)).toEqual(["ended"]);
  });

  it.each([
    ["a signature", imageConfig, "application/vnd.dev.cosign.simplesigning.v1+json"],
    ["an attestation", imageConfig, "application/vnd.in-toto+json"],
    ["a chart", "application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"],
  ])("of %s, by digest and by tag, is none: it is no image, and nothing is pushed", async (_, config, layer) => {
    const artifact = makeOciImage(config, layer);
    const name = await source.push("shop/artifact", artifact, "1.0");
    const copier = await open(`${destination.host}/artifacts`);
    for (const asked of [name, `${source.host}/shop/artifact:1.0`])
      await expect(copier.copyNamed(asked)).rejects.toMatchObject({ reason: "NotAnImage", retryable: false });
    expect(await destination.digest("artifacts/shop-artifact", artifact.digest)).toBeUndefined();
  });

  it.each([
    ["a digest", "@"],
    ["a tag", ":latest@"],
  ])("of an index named by %s reads each image of it once", async (_, mark) => {
    const index = makeIndex(Array.from({ length: 8 }, (__, count) => `arch${count}`));
    const name = await source.push(`shop/index${mark.length}`, index, "latest");
    const copier = await open(`${destination.host}/indexes`);
    await copier.copyNamed(mark === "@" ? name : (name.split("@")[0] ?? ""));
    const read = (await source.requests()).filter(
      ({ method, path }) => method === "GET" && path.includes(`index${mark.length}/manifests`),
    );
    for (const { digest } of index.children) expect(read.filter(({ path }) => path.endsWith(digest))).toHaveLength(1);
    expect(read.length).toBeLessThanOrEqual(10);
  });

  it("of a signed image leaves the signature behind, which the push registry could not keep", async () => {
    const image = makeImage();
    const copier = await open(`${destination.host}/signed`);
    const name = await source.push("shop/signed", image);
    const home = join(copier.stateDirectory, "skopeo", "home");
    const signature = join(home, "signatures", name.slice(source.host.length).replace(":", "="), "signature-1");
    mkdirSync(join(signature, ".."), { recursive: true });
    // As a signature of GPG begins.
    writeFileSync(signature, Buffer.from([0x90, 0x0d, 0x03]));
    const places = { sigstore: `file://${home}/signatures`, "sigstore-staging": `file://${signature}/no-directory` };
    const configuration = join(home, ".config", "containers", "registries.d");
    mkdirSync(configuration, { recursive: true });
    writeFileSync(join(configuration, "default.yaml"), JSON.stringify({ "default-docker": places }));
    await expect(copier.copyNamed(name)).resolves.toMatchObject({ digest: image.digest });
    expect(copier.outcomes()).toEqual(["copied"]);
  });

  const token = "http://127.0.0.1:1/token";
  it.each([
    [[`Bearer realm=${token}`], /in a form that skopeo cannot read .*must be in quotes/],
    [[`Bearer realm = "${token}"`], /in a form that skopeo cannot read .*must be in quotes/],
    [[`Negotiate, Bearer realm="${token}"`], /in a form that skopeo cannot read .*must come first, or in a header of its own/],
    [["Negotiate", "NTLM"], /takes no login that the bot can send .*switch on Basic or token logins/],
    [['Basic realm="x, y"', `Bearer realm="${token}"`], /offers Basic before Bearer .*offer Bearer first/],
  ])("is told by check to be impossible where the registry answers the challenges %j", async (headers, message) => {
    const host = await behind(destination, (incoming, response, url) => {
      if (url === "/v2/") return !!response.writeHead(401, { "WWW-Authenticate": headers }).end();
      return incoming.headers.authorization !== undefined && !!response.writeHead(401).end();
    });
    const settings = testCopierSettings({ pushRegistry: `${host}/mirror`, destination: { user: "me", password: "secret" } });
    await expect(checkPush(settings, signal)).rejects.toThrow(message);
  });

  it("is reported by check as denied if the registry asks for no login at /v2/", async () => {
    const basic = `Basic ${Buffer.from("me:secret").toString("base64")}`;
    const host = await behind(destination, (incoming, response, url) => {
      if (url === "/v2/" || incoming.headers.authorization === basic) return false;
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
      return true;
    });
    const settings = testCopierSettings({ pushRegistry: `${host}/mirror`, destination: { user: "me", password: "secret" } });
    await expect(checkPush(settings, signal)).rejects.toThrow(/does not ask for a login at \/v2\/ .*skopeo sends none/);
    await expect(checkPush({ ...settings, pushRegistry: `${destination.host}/mirror` }, signal)).resolves.toMatchObject({
      proven: true,
    });
  });
});

describe("a token service", () => {
  it.each([
    ['{"token":"a"}', "Bearer a"],
    ['{"token":"","access_token":"b"}', "Bearer b"],
    ['{"token":null,"access_token":"b"}', "Bearer b"],
    ['{"access_token":"b"}', "Bearer b"],
    ['{"token":"a\\r\\nX: y"}', undefined],
    ["[]", undefined],
  ])("that answers %s gives %s", async (body, header) => {
    const answer = {
      status: 200,
      body: Buffer.from(body),
      url: new URL("https://r.example"),
      isPublic: false,
      header: () => undefined,
    };
    const settings = {
      registry: "r.example",
      repository: "a",
      actions: "pull" as const,
      login: undefined,
      isTokenService: () => true,
    };
    const authorizer = createAuthorizer({ ...settings, now: Date.now }, async () => answer);
    const given = authorizer.answer(parseChallenges('Bearer realm="https://r.example/t"'), true, signal);
    if (header) await expect(given).resolves.toBe(header);
    else await expect(given).rejects.toThrow("sent no token");
  });
});

const cutOff = Buffer.from('{"schemaVersion":2,"lay');
it.each<[string, Buffer, string, boolean]>([
  ["empty", Buffer.alloc(0), "latest", true],
  ["cut off", cutOff, digestOf(Buffer.from("whole")), true],
  ["malformed as it was pushed", cutOff, digestOf(cutOff), false],
  ["an error with the status 200, by tag", Buffer.from('{"errors":[{"code":"UNKNOWN"}]}'), "latest", true],
])("a manifest that is %s", async (_, body, reference, retryable) => {
  const answer = { status: 200, body, url: new URL("https://r.example/"), header: () => undefined };
  await expect(getManifest(async () => answer, reference, signal)).rejects.toMatchObject({ reason: "CopyFailed", retryable });
});

/** Headers, and which of their challenges skopeo answers: recorded from 1.9.3. */
const realm = "https://r.example/token";
it.each<[readonly string[], "basic" | "bearer" | "fails" | "no login"]>([
  [['Basic realm = "x"'], "basic"],
  [["Basic"], "basic"],
  [[`bearer Realm="${realm}",service="a,b"`], "bearer"],
  [[`  Bearer   service="a\\"b" , realm="${realm}"`], "bearer"],
  [["Negotiate", `Bearer realm="${realm}"`], "bearer"],
  [['Digest realm="x", nonce="n"', "BASIC"], "basic"],
  [['Basic realm="x"', `Bearer realm="${realm}"`], "basic"],
  [[`Bearer realm="${realm}"`, 'Basic realm="x"'], "bearer"],
  [[`Bearer realm="${realm}",service="s", Basic realm="x"`], "bearer"],
  [[`Basic realm="x, y", Bearer realm="${realm}"`], "basic"],
  [[`Negotiate, Bearer realm="${realm}"`], "no login"],
  [["NTLM", "Negotiate YII="], "no login"],
  [["Bearer"], "fails"],
  [[`Bearer realm = "${realm}"`], "fails"],
  [[`Bearer realm=${realm}`], "fails"],
  [[`Bearer realm='${realm}'`], "fails"],
  [[`Bearer,realm="${realm}"`], "fails"],
  [[`Bearer service="",realm="${realm}"`], "fails"],
])("of the headers %j skopeo answers: %s", (headers, answered) => {
  const told = challengeForSkopeo(headers);
  const bearer = told?.scheme === "bearer" && (told.realm === realm ? "bearer" : "fails");
  expect(bearer || (told?.scheme ?? "no login")).toBe(answered);
});
