import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { rhacsLogin } from "../../src/analyzers/http/rhacs-login.ts";
import { createRhacsAnalyzer, rhacsService } from "../../src/analyzers/rhacs.ts";
import { createRhacs, type RhacsOptions } from "../../src/demo/services/rhacs.ts";
import { digest, endpointAt, failureOf, listening, never, request, secretFile, shown } from "../support/analyzers.ts";

const token = "rhacs-api-token-1";
const serviceAccount = `e30.${Buffer.from(JSON.stringify({ sub: "system:serviceaccount:ci:build-watcher" })).toString("base64url")}.sig`;
const name = `quay.example.com/shop/checkout@${digest}`;

async function central(options: Partial<RhacsOptions> = {}) {
  return listening(createRhacs({ tokens: [token], clusters: ["prod"], ...options }));
}

function analyzer(
  { url }: { url: string },
  { secret = token, ...settings }: { secret?: string; cluster?: string; policies?: boolean; link?: string } = {},
  path = secretFile(`${secret}\n`),
) {
  const endpoint = endpointAt(url, rhacsService);
  return createRhacsAnalyzer({ endpoint, login: rhacsLogin(endpoint, path), policies: false, ...settings });
}

describe("a scan by RHACS", () => {
  it("counts each vulnerability once, and the ones that can be fixed", async () => {
    const service = await central();
    const submission = await analyzer(service).submit(request, never);
    expect(submission).toEqual({
      analyzer: "rhacs",
      analyses: [{ of: "output", id: digest, cached: false, state: "succeeded" }],
      notes: [],
      findings: {
        coverage: "complete",
        severities: { critical: 1, high: 1, medium: 1, low: 1, unknown: 1 },
        fixable: 2,
        packages: 4,
      },
    });
    expect(JSON.parse(service.requests[0]?.body ?? "")).toEqual({ imageName: name, force: false, includeSnoozed: false });
  });

  it("names the secured cluster and the build's namespace where a cluster is set", async () => {
    const service = await central();
    await analyzer(service, { cluster: "prod" }).submit(request, never);
    expect(JSON.parse(service.requests[0]?.body ?? "")).toMatchObject({ cluster: "prod", namespace: "shop" });
  });

  it("asks the build policies where that is wanted, and links by digest", async () => {
    const service = await central({ violations: ["Fixable Severity at least Important", "Latest tag"] });
    const settings = { policies: true, link: "https://central.example.com/main/images/{digest}" };
    const { findings, link } = await analyzer(service, settings).submit(request, never);
    expect(findings?.policyViolations).toBe(2);
    expect(link).toBe(`https://central.example.com/main/images/${digest}`);
  });

  it.each([
    ["missing metadata", { id: digest, notes: ["MISSING_METADATA"], scan: { components: [{ name: "x" }] } }, /MISSING_METADATA/],
    ["a missing scan", { id: digest, notes: ["MISSING_SCAN_DATA"] }, /not scanned \(MISSING_SCAN_DATA\)/],
    ["no scan at all", { id: digest }, /not scanned/],
    ["no component", { id: digest, scan: { notes: [] } }, /no component/],
  ])("never takes %s for a clean image", async (_, image, why) => {
    const { findings, notes } = await analyzer(await central({ images: { [name]: image }, violations: ["x"] }), {
      policies: true,
    }).submit(request, never);
    expect(findings).toEqual({ coverage: "unknown", why: expect.stringMatching(why) });
    expect(notes).toEqual([expect.stringMatching(why)]);
  });

  it.each(["OS_UNAVAILABLE", "PARTIAL_SCAN_DATA", "OS_CVES_STALE"])(
    "says which part could not be looked at: %s",
    async (note) => {
      const image = { id: digest, scan: { components: [{ name: "zlib" }], notes: [note] } };
      const { findings } = await analyzer(await central({ images: { [name]: image } })).submit(request, never);
      expect(findings).toMatchObject({ coverage: "partial", why: expect.stringContaining(note), packages: 1 });
    },
  );

  it("has nothing to do for a failed build", async () => {
    const { output, ...rest } = request;
    expect(output).toBeDefined();
    expect(await analyzer(await central()).submit(rest, never)).toMatchObject({ analyses: [], notes: [expect.any(String)] });
  });
});

describe("what RHACS refuses", () => {
  it.each([
    [400, "image name must be specified", "AnalyzerRejected", false, /image name/],
    [401, "credentials not found", "AnalyzerLogin", true, /BUILD_WATCHER_RHACS_TOKEN_FILE/],
    [403, 'not authorized: "READ_WRITE_ACCESS" for "Image"', "AnalyzerLogin", true, /READ_WRITE_ACCESS/],
    [404, 'cluster "prod" not found', "AnalyzerUnavailable", true, /cluster "prod"/],
    [429, "too many requests", "AnalyzerUnavailable", true, /too many/],
    [500, "error scanning image", "AnalyzerFailed", true, /error scanning/],
    [503, "busy", "AnalyzerUnavailable", true, /busy/],
    [504, "timeout", "AnalyzerFailed", true, /timeout/],
  ])("%i is judged as what it means", async (status, message, reason, retryable, words) => {
    const service = await central();
    service.fail("/v1/images/scan", { status, body: { code: 3, message, error: message, details: [] } });
    const error = await failureOf(analyzer(service).submit(request, never));
    expect(error).toMatchObject({ reason, retryable, message: expect.stringMatching(words) });
  });

  it("says which permission a token lacks", async () => {
    const rhacs = analyzer(await central({ access: "READ_ACCESS" }));
    for (const ask of [() => rhacs.submit(request, never), () => rhacs.discover(never)])
      expect(await failureOf(ask())).toMatchObject({
        reason: "AnalyzerLogin",
        message: expect.stringContaining("READ_WRITE_ACCESS"),
      });
  });

  it("waits as long as it is asked to", async () => {
    const service = await central();
    service.fail("/v1/images/scan", { status: 429, body: {}, headers: { "retry-after": "7" } });
    expect(await failureOf(analyzer(service).submit(request, never))).toMatchObject({ retryAfter: 7000 });
  });

  it("is distinguished from its page, which it serves for every unknown path", async () => {
    const service = await central();
    const page = analyzer({ url: `${service.url}/ui` });
    const error = await failureOf(page.submit(request, never));
    expect(error).toMatchObject({
      reason: "AnalyzerProtocol",
      message: expect.stringMatching(/web page.*BUILD_WATCHER_RHACS_URL/),
    });
  });
});

describe("the login at RHACS", () => {
  it("exchanges the token of a service account, once", async () => {
    const service = await central({ serviceAccounts: [serviceAccount] });
    const rhacs = analyzer(service, { secret: serviceAccount });
    await rhacs.submit(request, never);
    await rhacs.submit(request, never);
    expect(service.requests.map(({ path }) => path)).toEqual(["/v1/auth/m2m/exchange", "/v1/images/scan", "/v1/images/scan"]);
  });

  it("exchanges it again when the exchanged token has expired", async () => {
    const service = await central({ serviceAccounts: [serviceAccount] });
    const rhacs = analyzer(service, { secret: serviceAccount });
    await rhacs.submit(request, never);
    service.fail("/v1/images/scan", { status: 401, body: { message: "token expired" } });
    await rhacs.submit(request, never);
    expect(service.requests.filter(({ path }) => path === "/v1/auth/m2m/exchange")).toHaveLength(2);
  });

  it("says what is missing where no exchange is set up", async () => {
    const error = await failureOf(analyzer(await central(), { secret: serviceAccount }).submit(request, never));
    expect(error).toMatchObject({ reason: "AnalyzerLogin", message: expect.stringMatching(/machine access configuration/) });
    expect(shown(error)).not.toContain(serviceAccount);
  });

  it("reads the file again each time", async () => {
    const path = secretFile("old-token");
    const rhacs = analyzer(await central(), {}, path);
    const refused = await failureOf(rhacs.submit(request, never));
    expect(refused).toMatchObject({ reason: "AnalyzerLogin" });
    expect(shown(refused)).not.toContain("old-token");
    writeFileSync(path, token);
    expect((await rhacs.submit(request, never)).findings?.coverage).toBe("complete");
  });

  it.each([
    ["is not there", "/nonexistent/token", /ENOENT.*BUILD_WATCHER_RHACS_TOKEN_FILE/],
    ["is empty", undefined, /does not hold a single line/],
  ])("names the setting when the file %s", async (_, path, words) => {
    const rhacs = analyzer(await central(), {}, path ?? secretFile("\n"));
    expect(await failureOf(rhacs.submit(request, never))).toMatchObject({ message: expect.stringMatching(words) });
  });
});

describe("asking whether RHACS is there", () => {
  it("is content with a token that may scan", async () => {
    await analyzer(await central()).discover(never);
  });

  it("says which permission is missing", async () => {
    const service = await central();
    const permissions = { resourceToAccess: { Image: "READ_ACCESS" } };
    service.fail("/v1/auth/status", { status: 200, body: { userId: "u", userInfo: { permissions } } });
    const error = await failureOf(analyzer(service).discover(never));
    expect(error.message).toMatch(/READ_ACCESS to Image.*READ_WRITE_ACCESS/);
  });
});
