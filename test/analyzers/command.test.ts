import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type CommandSettings, createCommandAnalyzer } from "../../src/analyzers/command.ts";
import { openRunDirectory } from "../../src/children/run-directory.ts";
import { readCommandsFile } from "../../src/config/files/commands-file.ts";
import { systemClock } from "../../src/core/clock.ts";
import { readProxies } from "../../src/core/hosts/proxy.ts";
import { digest, documentsOf, failureOf, never, request, secretFile, shown } from "../support/analyzers.ts";

const image = `quay.example.com/shop/checkout@${digest}`;
const output = { ...request.output, login: { user: "robot", password: "TOPSECRET" } };

/** What a program was given. */
interface Seen {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly auth: string;
  readonly sbom: string | null;
}

/** A folder on PATH with programs that note what they were given, print a text and end with a code. */
function programs(named: readonly string[], { prints = "", code = 0, script = "" } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "bw-programs-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const seen = join(directory, "seen.json");
  const text = join(directory, "prints");
  writeFileSync(text, prints);
  for (const name of named) {
    const path = join(directory, name);
    writeFileSync(
      path,
      `#!${process.execPath}
const { readFileSync, writeFileSync, existsSync, writeSync } = require("node:fs");
const args = process.argv.slice(2);
const sbom = args.find((argument) => argument.endsWith("sbom.json"));
const auth = readFileSync(process.env.REGISTRY_AUTH_FILE, "utf8");
writeFileSync(${JSON.stringify(seen)}, JSON.stringify({ args, env: process.env, auth, sbom: sbom ? readFileSync(sbom, "utf8") : null }));
process.stdout.write(readFileSync(${JSON.stringify(text)}, "utf8"));
process.stderr.write(${JSON.stringify(code === 0 ? "" : "it said TOPSECRET")});
process.exitCode = ${code};
${script}
`,
    );
    chmodSync(path, 0o755);
  }
  return { directory, seen: () => JSON.parse(readFileSync(seen, "utf8")) as Seen };
}

async function command(directory: string, settings: Partial<CommandSettings> = {}, variables: Record<string, string> = {}) {
  const state = mkdtempSync(join(tmpdir(), "bw-command-"));
  const env = {
    ...variables,
    PATH: [directory, process.env.PATH].join(delimiter),
    SECRET_OF_BOT: "BOTSECRET",
    TRIVY_TOKEN: "t0ken",
  };
  const host = Object.create(process, { env: { value: env } }) as NodeJS.Process;
  const runs = await openRunDirectory(state, host, systemClock, "command");
  onTestFinished(async () => {
    await runs.close();
    rmSync(state, { recursive: true, force: true });
  });
  const usual: CommandSettings = { name: "scan", args: ["scanner", "{image}"], exitCodes: {}, environment: [], timeout: 60_000 };
  const parts = { runs: async () => runs, documents: documentsOf(), host, clock: systemClock, proxies: readProxies(env).proxies };
  const left = () => readdirSync(join(state, "command", "run")).flatMap((run) => readdirSync(join(state, "command", "run", run)));
  return { analyzer: createCommandAnalyzer({ ...usual, ...settings }, parts), left };
}

const trivy = JSON.stringify({
  SchemaVersion: 2,
  ArtifactName: image,
  Results: [
    {
      Target: "os",
      Packages: [{ Name: "openssl" }, { Name: "zlib" }],
      Vulnerabilities: [
        { VulnerabilityID: "CVE-1", Severity: "CRITICAL", FixedVersion: "2" },
        { VulnerabilityID: "CVE-1", Severity: "CRITICAL" },
        { VulnerabilityID: "CVE-2", Severity: "LOW" },
      ],
    },
  ],
});

describe("a command", () => {
  it("gets the image, a login for its registry alone, and leaves nothing behind", async () => {
    const { directory, seen } = programs(["scanner"], { prints: trivy });
    const { analyzer, left } = await command(directory, { environment: ["TRIVY_TOKEN"] });
    const submission = await analyzer.submit({ ...request, output }, never);
    expect(submission).toEqual({
      analyzer: "scan",
      analyses: [{ of: "output", id: image, cached: false, state: "succeeded" }],
      notes: [],
      findings: {
        coverage: "complete",
        severities: { critical: 1, high: 0, medium: 0, low: 1, unknown: 0 },
        fixable: 1,
        packages: 2,
      },
    });
    const { args, env, auth } = seen();
    expect(args).toEqual([image]);
    expect(JSON.parse(auth)).toEqual({ auths: { "quay.example.com": { auth: btoa("robot:TOPSECRET") } } });
    expect(env.TRIVY_TOKEN).toBe("t0ken");
    expect(JSON.stringify({ args, env })).not.toMatch(/TOPSECRET|BOTSECRET|cm9ib3Q/);
    expect(left()).toEqual([]);
  });

  it("gets the proxies as the bot reads them, in both spellings, and others only by name", async () => {
    const { directory, seen } = programs(["scanner"]);
    const variables = { HTTPS_PROXY: "http://a:1", https_proxy: "http://b:1", no_proxy: ".svc", all_proxy: "socks5://c:1" };
    const { analyzer } = await command(directory, {}, variables);
    await analyzer.submit(request, never);
    const proxies = { HTTPS_PROXY: "http://a:1", https_proxy: "http://a:1", NO_PROXY: ".svc", no_proxy: ".svc" };
    expect(Object.fromEntries(Object.entries(seen().env).filter(([name]) => /_proxy$/i.test(name)))).toEqual(proxies);
    const named = await command(directory, { environment: ["all_proxy"] }, variables);
    await named.analyzer.submit(request, never);
    expect(seen().env).toMatchObject({ ...proxies, all_proxy: "socks5://c:1" });
  });

  it("gets its arguments as they are, whatever they look like to a shell", async () => {
    const { directory, seen } = programs(["scanner"]);
    const args = ["scanner", "$(touch /tmp/x); `id` && {tag|digest12}", "{namespace}/{build}", "'\"*"] as const;
    const { analyzer } = await command(directory, { args });
    await analyzer.submit(request, never);
    expect(seen().args).toEqual(["$(touch /tmp/x); `id` && 1.8.3", "shop/checkout-7", "'\"*"]);
  });

  it("gets a document where it asks for one", async () => {
    const { directory, seen } = programs(["scanner"]);
    const { analyzer } = await command(directory, { args: ["scanner", "{sbom}"] });
    await analyzer.submit(request, never);
    expect(JSON.parse(seen().sbom ?? "")).toMatchObject({ bomFormat: "CycloneDX" });
  });

  it("may write its result into its directory", async () => {
    const script = `writeFileSync(args[0] + "/r.json", ${JSON.stringify(trivy)});`;
    const { directory } = programs(["scanner"], { script });
    const { analyzer } = await command(directory, { args: ["scanner", "{outdir}"], result: "r.json" });
    expect((await analyzer.submit(request, never)).findings).toMatchObject({ packages: 2 });
  });

  it("cannot have a file of the bot's read as its result", async () => {
    const secret = secretFile(trivy);
    const script = `require("node:fs").symlinkSync(${JSON.stringify(secret)}, args[0] + "/r.json");`;
    const { directory } = programs(["scanner"], { script });
    const { analyzer } = await command(directory, { args: ["scanner", "{outdir}"], result: "r.json" });
    expect((await analyzer.submit(request, never)).findings).toBeUndefined();
  });

  it("leaves the end of its output as a note if the output cannot be read", async () => {
    const { directory } = programs(["scanner"], { prints: `${"x".repeat(5_000)}\nuploaded TOPSECRET\n` });
    const { analyzer } = await command(directory);
    const { notes, findings } = await analyzer.submit({ ...request, output }, never);
    expect(findings).toBeUndefined();
    expect(notes).toEqual([expect.stringMatching(/^scan: x+\nuploaded \*\*\*$/)]);
    expect(notes[0]?.length).toBeLessThan(1_100);
  });
});

describe("an exit code", () => {
  it.each([
    [1, {}, "AnalyzerFailed", true],
    [1, { 1: "retry" }, "AnalyzerFailed", true],
    [3, { 3: "refused" }, "AnalyzerRejected", false],
  ] as const)("%i with %j fails the job", async (code, exitCodes, reason, retryable) => {
    const { directory } = programs(["scanner"], { code });
    const { analyzer, left } = await command(directory, { exitCodes });
    const error = await failureOf(analyzer.submit({ ...request, output }, never));
    expect(error).toMatchObject({ reason, retryable, message: expect.stringContaining(`exit code ${code}`) });
    expect(shown(error)).not.toContain("TOPSECRET");
    expect(left()).toEqual([]);
  });

  it("can say that something was found, where nothing else does", async () => {
    const { directory } = programs(["scanner"], { code: 1, prints: "policy violated" });
    const { analyzer } = await command(directory, { exitCodes: { 1: "findings" } });
    expect((await analyzer.submit(request, never)).findings).toMatchObject({ coverage: "partial", policyViolations: 1 });
  });
});

describe("a command that misbehaves", () => {
  it("is ended with its children when it takes too long", async () => {
    const script = `require("node:child_process").spawn("sleep", ["600"], { stdio: "inherit" }); setInterval(() => 0, 1000);`;
    const { directory } = programs(["scanner"], { script });
    const { analyzer, left } = await command(directory, { timeout: 2_000 });
    expect(await failureOf(analyzer.submit(request, never))).toMatchObject({
      reason: "AnalyzerFailed",
      message: expect.stringMatching(/within 2 seconds.*BUILD_WATCHER_COMMANDS_FILE/),
    });
    expect(left()).toEqual([]);
  });

  it("is ended when it prints without end", async () => {
    const script = `const line = "y".repeat(1 << 20); for (;;) try { writeSync(1, line); } catch {}`;
    const { directory } = programs(["scanner"], { script });
    const { analyzer } = await command(directory);
    expect(await failureOf(analyzer.submit(request, never))).toMatchObject({
      reason: "AnalyzerProtocol",
      message: expect.stringContaining("16 MiB"),
    });
  });

  it("does not affect the next image if it fails", async () => {
    const { directory } = programs(["scanner"], { code: 1 });
    const { analyzer } = await command(directory);
    await failureOf(analyzer.submit(request, never));
    expect(await failureOf(analyzer.submit(request, never))).toMatchObject({ reason: "AnalyzerFailed" });
  });

  it("makes its jobs wait, and says what to do, if it is missing", async () => {
    const { directory } = programs([]);
    const { analyzer } = await command(directory, { args: ["no-such-scanner"] });
    for (const ask of [() => analyzer.submit(request, never), () => analyzer.discover(never)]) {
      expect(await failureOf(ask())).toMatchObject({
        reason: "AnalyzerUnavailable",
        message: expect.stringMatching(/no-such-scanner.*image/),
      });
    }
  });

  it("ends when the bot stops", async () => {
    const { directory } = programs(["scanner"], { script: "setInterval(() => 0, 1000);" });
    const { analyzer, left } = await command(directory);
    const stop = new AbortController();
    const ended = failureOf(analyzer.submit(request, stop.signal));
    stop.abort(new Error("stopped"));
    expect((await ended).message).toContain("stopped");
    expect(left()).toEqual([]);
  });
});

describe("the recipes of docs/analyzers.md", () => {
  const blocks = [...readFileSync("docs/analyzers.md", "utf8").matchAll(/```yaml\n(commands:.*?)```/gs)].map(
    ([, block = ""]) => block,
  );
  const recipes = blocks.flatMap(commandsIn);

  function commandsIn(text: string) {
    const directory = mkdtempSync(join(tmpdir(), "bw-recipes-"));
    writeFileSync(join(directory, "commands.yaml"), text);
    try {
      return readCommandsFile(join(directory, "commands.yaml"), []);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  it("take each exit code for what the program means by it", () => {
    expect(Object.fromEntries(recipes.map(({ name, exitCodes }) => [name, exitCodes]))).toMatchObject({
      snyk: { 1: "findings", 2: "retry", 3: "refused" },
      sysdig: { 1: "findings", 2: "refused", 3: "retry" },
      "roxctl-check": { 1: "findings" },
    });
  });

  it.each(recipes.map((recipe) => [recipe.name, recipe] as const))("%s runs unchanged", async (_, recipe) => {
    const { directory, seen } = programs([recipe.args[0]]);
    const { analyzer, left } = await command(directory, recipe);
    await analyzer.submit({ ...request, output }, never);
    const { args, auth, sbom } = seen();
    expect(args.join(" ")).not.toMatch(/[{}]/);
    expect(args.some((argument) => argument.endsWith(image) || argument.endsWith("sbom.json"))).toBe(true);
    expect(sbom !== null).toBe(recipe.args.includes("{sbom}"));
    expect(auth).toContain("quay.example.com");
    expect(left()).toEqual([]);
  });
});
