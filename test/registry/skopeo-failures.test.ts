import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { parseImageReference } from "../../src/core/images/image-reference.ts";
import { JobError } from "../../src/core/jobs/errors.ts";
import { openSkopeo, type Skopeo } from "../../src/registry/skopeo/skopeo.ts";
import type { SkopeoCopy, SkopeoSide } from "../../src/registry/skopeo/skopeo-arguments.ts";
import { filesBelow, temporaryDirectory } from "../support/copier.ts";
import { answers, errorBody, type Fault, startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage, makeLayer } from "../support/registry-images.ts";
import { makeCertificates, type RegistryServer, startRegistry, type TestCertificates } from "../support/registry-server.ts";

const login = { user: "alice", password: "right-S3cret" };
const wrong = { user: "alice", password: "wrong-S3cret" };
const image = makeImage({ layers: [makeLayer(300_000)] });
const never = new AbortController().signal;

type Place = "open" | "locked" | "trusted" | "readOnly" | Fault | string;
interface Case {
  readonly from?: Place;
  readonly to?: Place;
  readonly source?: Partial<SkopeoSide> & { readonly name?: string };
  readonly destination?: Partial<SkopeoSide>;
  readonly timeout?: number;
}

const forbidden = errorBody("DENIED", "requested access to the resource is denied");
const bearer = { "WWW-Authenticate": 'Bearer realm="http://REALM/token",service="test"' };
const manifests = /\/manifests\//;
const blobs = /\/blobs\/sha256/;
const startUpload = /\/blobs\/uploads\/$/;

function tokenService(status: number, body: string, challenge = ""): Fault {
  return (incoming, response, url) => {
    if (url.startsWith("/token")) return end(status, body);
    const realm = bearer["WWW-Authenticate"].replace("REALM", incoming.headers.host ?? "") + challenge;
    return end(401, errorBody("UNAUTHORIZED", "authentication required"), { "WWW-Authenticate": realm });

    function end(code: number, text: string, headers = {}): boolean {
      response.writeHead(code, { "Content-Type": "application/json", ...headers }).end(text);
      return true;
    }
  };
}

const cutOff: Fault = (incoming, _response, url) => {
  if (incoming.method !== "PATCH" || !url.includes("/uploads/")) return false;
  incoming.once("data", () => incoming.socket.resetAndDestroy());
  return true;
};

const brokenBlob: Fault = (incoming, response, url) => {
  if (incoming.method !== "GET" || !blobs.test(url)) return false;
  const bytes = image.blobs.find((blob) => blob.length > 1000) ?? Buffer.alloc(0);
  if (!url.includes(image.manifest.toString().match(/"layers":\[\{.*?"digest":"(sha256:[0-9a-f]+)/)?.[1] ?? "-")) return false;
  response.writeHead(200, { "Content-Length": bytes.length }).end(Buffer.alloc(bytes.length, "x"));
  return true;
};

const silent: Fault = () => true;
const table: readonly [string, Case, string, RegExp][] = [
  [
    "the source wants another login",
    { from: "locked", source: { login: wrong } },
    "RegistryDenied",
    /unauthorized|authentication required/,
  ],
  [
    "the push registry wants another login",
    { to: "locked", destination: { login: wrong } },
    "RegistryDenied",
    /authentication required/,
  ],
  [
    "the token service refuses",
    { from: tokenService(401, errorBody("UNAUTHORIZED", "incorrect username or password")), source: { login } },
    "RegistryDenied",
    /invalid username\/password|incorrect/,
  ],
  [
    "the token is good for too little",
    { from: tokenService(200, '{"token":"abc"}', ',error="insufficient_scope"'), source: { login } },
    "RegistryDenied",
    /insufficient|denied|authentication required/,
  ],
  ["the source answers 403", { from: answers("GET", manifests, 403, forbidden) }, "RegistryDenied", /denied/],
  ["the push registry answers 403", { to: answers("HEAD", blobs, 403, forbidden) }, "RegistryDenied", /403 \(Forbidden\)/],
  ["the image is gone", { source: { name: "ns/gone" } }, "ImageNotFound", /manifest unknown/],
  [
    "a layer is gone",
    { from: answers("GET", blobs, 404, errorBody("BLOB_UNKNOWN", "blob unknown")) },
    "ImageNotFound",
    /404|unknown/,
  ],
  ["the source's CA is unknown", { from: "trusted", source: { verifyTls: true } }, "RegistryUntrusted", /x509/],
  ["the push registry's CA is unknown", { to: "trusted", destination: { verifyTls: true } }, "RegistryUntrusted", /x509/],
  ["plain HTTP meets verification", { source: { verifyTls: true } }, "RegistryUntrusted", /HTTP response to HTTPS client/],
  ["nobody listens", { from: "127.0.0.1:1" }, "RegistryUnavailable", /connection refused/],
  ["nobody listens at the destination", { to: "127.0.0.1:1" }, "RegistryUnavailable", /connection refused/],
  ["the host has no address", { from: "registry.invalid" }, "RegistryUnavailable", /no such host|lookup/],
  [
    "the source limits requests",
    { from: answers("GET", manifests, 429, errorBody("TOOMANYREQUESTS", "pull rate limit"), { "Retry-After": "1" }) },
    "RateLimited",
    /toomanyrequests/,
  ],
  ["the push registry limits requests", { to: answers("HEAD", blobs, 429, "{}", { "Retry-After": "1" }) }, "RateLimited", /429/],
  ["the source is down", { from: answers("GET", manifests, 503, "down") }, "RegistryUnavailable", /503/],
  ["the source is broken", { from: answers("GET", manifests, 500, "broken") }, "RegistryUnavailable", /500/],
  ["the push registry is down", { to: answers("HEAD", blobs, 503, "down") }, "RegistryUnavailable", /503/],
  ["the push registry breaks while a layer comes", { to: answers("PATCH", /uploads/, 500, "{}") }, "RegistryUnavailable", /500/],
  [
    "the upload is too large",
    { to: answers("POST", startUpload, 413, "<html>413 Request Entity Too Large</html>") },
    "UploadTooLarge",
    /413/,
  ],
  ["the push registry is read-only", { to: "readOnly" }, "RegistryReadOnly", /405/],
  ["the connection is cut in a layer", { to: cutOff }, "RegistryUnavailable", /connection|EOF|broken pipe/],
  ["a layer has other contents", { from: brokenBlob }, "CopyFailed", /Digest did not match/],
  [
    "the manifest is cut off",
    { from: answers("GET", manifests, 200, '{"schema', { "Content-Length": "500" }) },
    "RegistryUnavailable",
    /EOF/,
  ],
  [
    "the source is a web page",
    { from: answers("GET", manifests, 200, "<html></html>", { "Content-Type": "text/html" }) },
    "CopyFailed",
    /./,
  ],
  ["the source is no registry", { from: answers("GET", /./, 404, "nothing") }, "CopyFailed", /pinging container registry/],
  ["the source says nothing", { from: silent, timeout: 1_000 }, "TimedOut", /context deadline exceeded/],
];

requirePrograms(
  "skopeo",
  "docker-registry",
  "htpasswd",
  "openssl",
)("a copy fails when", () => {
  const state = temporaryDirectory();
  let certificates: TestCertificates;
  let registries: Readonly<Record<"open" | "locked" | "trusted" | "readOnly", RegistryServer>>;
  let skopeo: Skopeo;

  beforeAll(async () => {
    certificates = makeCertificates();
    const [open, locked, trusted, readOnly] = await Promise.all([
      startRegistry(),
      startRegistry({ login }),
      startRegistry({ tls: certificates }),
      startRegistry({ readOnly: true }),
    ]);
    registries = { open, locked, trusted, readOnly };
    await Promise.all([open, locked, trusted].map((registry) => registry.push("ns/app", image, "v1")));
    skopeo = await openWith(60_000);
  });
  afterAll(async () => {
    await skopeo.close();
    await Promise.all(Object.values(registries).map((registry) => registry.close()));
    certificates.remove();
    rmSync(state, { recursive: true });
  });

  it.concurrent.each(table)("%s", async (_, { from = "open", to = "open", source, destination, timeout }, reason, words) => {
    const [sourcePlace, destinationPlace] = await Promise.all([locate(from), locate(to)]);
    const program = timeout ? await openWith(timeout) : skopeo;
    try {
      const copy = program.copy(request(sourcePlace.host, destinationPlace.host, source, destination), never);
      const error = await copy.then(
        () => undefined,
        (failure: unknown) => failure,
      );
      expect(error).toBeInstanceOf(JobError);
      expect(error).toMatchObject({ reason, message: expect.stringMatching(words) });
      expect((error as JobError).message).not.toMatch(/S3cret|level=fatal/);
    } finally {
      await Promise.all([sourcePlace.close?.(), destinationPlace.close?.()]);
    }
  });

  it("the job's signal fires, and then the child and its files are gone", async () => {
    const hanging = await startFaultyRegistry(registries.open, silent);
    const controller = new AbortController();
    const copy = skopeo.copy(request(hanging.host, registries.open.host), controller.signal);
    await hanging.struck;
    controller.abort(new JobError("TimedOut", "the deadline"));
    await expect(copy).rejects.toMatchObject({ reason: "TimedOut", message: "the deadline" });
    expect(filesBelow(`${state}/skopeo/run`)).toEqual([]);
    await hanging.close();
  });

  function openWith(commandTimeout: number): Promise<Skopeo> {
    return openSkopeo({ stateDirectory: state, commandTimeout, host: process, clock: systemClock });
  }

  async function locate(place: Place): Promise<{ host: string; close?: () => Promise<void> }> {
    if (typeof place === "function") return startFaultyRegistry(registries.open, place);
    const known = Object.entries(registries).find(([name]) => name === place)?.[1];
    return { host: known?.host ?? place };
  }

  function request(from: string, to: string, source: Case["source"] = {}, destination: Case["destination"] = {}): SkopeoCopy {
    const { name = "ns/app", ...side } = source;
    return {
      source: { ...parseImageReference(`${from}/${name}`), digest: image.digest },
      destination: { registry: to, repository: `copies/${crypto.randomUUID()}`, tag: "v1" },
      from: { login: undefined, verifyTls: false, ...side },
      to: { login: undefined, verifyTls: false, ...destination },
      certificates: "",
    };
  }
});
