import { describe, expect, it } from "vitest";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import { explainFailure, lastFatalLine } from "../../../src/registry/skopeo/skopeo-errors.ts";

const time = 'time="2026-11-21T08:00:00Z"';

function explain(message: string, code: number | null = 1, signal: string | null = null, secrets: string[] = []) {
  const stderr = message && `${time} level=fatal msg=${JSON.stringify(message)}\n`;
  return explainFailure({ code, signal, stderr }, { ...names, secrets });
}

/** The images that the wordings below are about. */
const names = { source: parseImageReference("r.example/ns/app:v1"), destination: parseImageReference("q.example/m/app:v1") };

const source = "initializing source docker://r.example/ns/app:v1: reading manifest v1 in r.example/ns/app: ";
const reuse = "trying to reuse blob sha256:f893 at destination: ";

/** Wordings of releases that are not here to be run: before 1.9 and after 1.11. */
describe("what skopeo's words mean", () => {
  it.each([
    [`${source}authentication required`, "RegistryDenied", false],
    [`${source}requested access to the resource is denied`, "RegistryDenied", false],
    [`${source}manifest unknown`, "ImageNotFound", false],
    [`${source}name unknown: repository name not known to registry`, "ImageNotFound", false],
    [
      "Error determining manifest MIME type for docker://r.example/ns/app:v1: Error reading manifest v1: manifest unknown",
      "ImageNotFound",
      false,
    ],
    ["Error initializing source docker://r.example/ns/app:v1: Error reading manifest: unauthorized: no", "RegistryDenied", false],
    [`${source}too many requests`, "RateLimited", true],
    [`${source}too many requests to registry`, "RateLimited", true],
    [
      'writing blob: initiating layer upload to /v2/x in r: StatusCode: 413, "<html><head><title>413 Request Ent..."',
      "UploadTooLarge",
      false,
    ],
    [
      "writing blob: initiating layer upload to /v2/x in r: name unknown: The repository does not exist",
      "NoSuchRepository",
      false,
    ],
    [
      'pinging container registry r: Get "https://r/v2/": tls: failed to verify certificate: x509: unknown authority',
      "RegistryUntrusted",
      false,
    ],
    [
      'pinging container registry r: Get "https://r/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
      "RegistryUnavailable",
      true,
    ],
    ['pinging container registry r: Get "https://r/v2/": dial tcp 10.0.0.1:443: i/o timeout', "RegistryUnavailable", true],
    ['pinging container registry r: Get "https://r/v2/": context deadline exceeded', "TimedOut", true],
    [
      `${reuse}pinging container registry r: proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused`,
      "ProxyRefused",
      true,
    ],
    [
      "writing blob: uploading layer chunked: received unexpected HTTP status: 500 Internal Server Error",
      "RegistryUnavailable",
      true,
    ],
    ["writing blob: write small/d/dir-put-blob993392945: no space left on device", "DiskFull", true],
    ["Error loading trust policy: open /etc/containers/policy.json: no such file or directory", "SignatureRefused", false],
    ["Source image rejected: Running image docker://r/x is rejected by policy.", "SignatureRefused", false],
    ['getting username and password: reading JSON file "a.json": unmarshaling JSON', "RegistryDenied", false],
    ["open /var/lib/x: permission denied", "CopyFailed", true],
    ["Invalid source name docker://r/NS/a: invalid reference format: repository name must be lowercase", "BadReference", false],
    ["Invalid source name: Docker references with both a tag and digest are currently not supported", "BadReference", false],
    ["unknown flag: --preserve-digests", "CopyFailed", false],
    ["something nobody has seen before", "CopyFailed", true],
  ])("%s: %s", (message, reason, retryable) => {
    expect(explain(message)).toMatchObject({
      reason,
      retryable,
      message: expect.stringContaining("skopeo could not copy r.example/ns/app:v1 to q.example/m/app:v1: "),
    });
  });

  it("takes exit code 2 for an unknown manifest", () => {
    expect(explain("reading the thing failed", 2).reason).toBe("ImageNotFound");
  });

  it("tells which side failed", () => {
    expect(explain(`${source}too many requests`).side).toBe("source");
    expect(explain(`${reuse}failed to read from destination repository x/y: 429 (Too Many Requests)`).side).toBe("destination");
  });

  it.each([
    ["SIGKILL", /SIGKILL.*out of memory/],
    ["SIGTERM", /ended by SIGTERM/],
  ])("names the signal %s that ended it", (signal, words) => {
    expect(explain("", null, signal)).toMatchObject({ reason: "CopyFailed", message: expect.stringMatching(words) });
  });

  it("says so when skopeo said nothing", () => {
    expect(explain("", 7).message).toMatch(/code 7 and said nothing/);
  });
});

describe("the line that is shown", () => {
  it("is the last fatal one, without Go's quoting", () => {
    const stderr = [
      `${time} level=warning msg="Failed, retrying in 1s ... (1/2). Error: EOF"`,
      `${time} level=fatal msg="first"`,
      `${time} level=fatal msg="Get \\"https://r/v2/\\": errors:\\ndenied: no\\n"`,
      "",
    ].join("\n");
    expect(lastFatalLine(stderr)).toBe('Get "https://r/v2/": errors: denied: no');
  });

  it("is the last line where none is fatal", () => {
    expect(lastFatalLine("panic: oh\ngoroutine 1\n\n")).toBe("goroutine 1");
  });

  it.each([
    ["the password itself", "wrong password s3cr+t/here", "s3cr+t/here"],
    ["an encoded password", "GET /token?x=s3cr%2Bt%2Fhere", "s3cr%2Bt%2Fhere"],
    ["a login in a URL", "Get https://me:hidden@r/v2/: EOF", "hidden"],
    ["a token in a URL", "Get https://r/x?account=a&access_token=abcdef&y=1: EOF", "abcdef"],
    ["a header", "Authorization: Bearer eyJhbGciOi.abc-def", "eyJhbGciOi"],
  ])("never holds %s", (_, message, secret) => {
    const shown = explain(message, 1, null, ["s3cr+t/here"]).message;
    expect(shown).not.toContain(secret);
    expect(shown).toContain("***");
  });

  it("is cut where it is endless", () => {
    expect(explain("x".repeat(100_000)).message.length).toBeLessThan(1_000);
  });
});
