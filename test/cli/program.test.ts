import { describe, expect, it } from "vitest";
import { type Invocation, parseArguments } from "../../src/cli/program.ts";
import { optionEntries } from "../../src/config/options.ts";

function parse(line: string, columns?: number): Invocation {
  return parseArguments(line.split(" ").filter(Boolean), { version: "1.2.3", columns });
}

function print(line: string, columns?: number): { text: string; exitCode: number } {
  const invocation = parse(line, columns);
  if (invocation.command !== "print") throw new Error(`${line} is a command: ${JSON.stringify(invocation)}`);
  return invocation;
}

describe("parseArguments", () => {
  it.each<[string, object]>([
    ["", { command: "watch", flags: {} }],
    ["watch", { command: "watch", flags: {} }],
    ["scan", { command: "scan", flags: {} }],
    ["submit quay.io/a/b:1 fedora:30", { command: "submit", images: ["quay.io/a/b:1", "fedora:30"], flags: {} }],
    ["replay build.json", { command: "replay", file: "build.json", flags: {} }],
    ["replay -", { command: "replay", file: "-", flags: {} }],
    ["options", { command: "options", flags: {} }],
    ["demo", { command: "demo", forever: false, fast: false, flags: {} }],
    ["demo --forever --fast", { command: "demo", forever: true, fast: true, flags: {} }],
    ["jobs", { command: "jobs", limit: 30, json: false, details: false, flags: {} }],
    ["jobs --state failed --json", { command: "jobs", state: "failed", limit: undefined, json: true, details: false, flags: {} }],
    [
      "jobs --namespace shop --text x --limit 0 --details",
      { command: "jobs", namespace: "shop", text: "x", limit: undefined, json: false, details: true, flags: {} },
    ],
    ["jobs --json --limit 5", { command: "jobs", limit: 5, json: true, details: false, flags: {} }],
    ["check --all", { command: "check", json: false, all: true, flags: {} }],
    ["completion bash", { command: "completion", shell: "bash", flags: {} }],
    ["jobs retry build-1 build-2", { command: "jobs retry", ids: ["build-1", "build-2"], failed: false, flags: {} }],
    ["jobs retry --failed", { command: "jobs retry", ids: [], failed: true, flags: {} }],
    ["jobs dismiss build-1", { command: "jobs dismiss", ids: ["build-1"], flags: {} }],
  ])("reads %j", (line, expected) => {
    expect({ ...parse(line) }).toEqual(expected);
  });

  it.each([
    ["-v --state-dir /x scan", "scan"],
    ["scan -v --state-dir /x", "scan"],
    ["-v scan --state-dir=/x", "scan"],
    ["jobs --state failed -v --state-dir /x", "jobs"],
    ["--state-dir /x jobs -v retry --failed", "jobs retry"],
    ["jobs retry a -v --state-dir /x", "jobs retry"],
  ])("takes settings before and behind a command: %s", (line, command) => {
    expect(parse(line)).toMatchObject({ command, flags: { verbose: true, stateDirectory: "/x" } });
  });

  it("gathers a list's repeated flags, and leaves reading them to the settings", () => {
    expect(parse("--track a --track b,c -n x --workers-count many").command).toBe("watch");
    expect(parse("--track a --track b,c -n x --workers-count many")).toMatchObject({
      flags: { track: ["a", "b,c"], namespaces: ["x"], workers: "many" },
    });
  });

  it("gives only the settings that were named, switches whose names begin with no- as switched on", () => {
    expect(parse("--no-base --no-tls-verify")).toEqual({ command: "watch", flags: { noBase: true, noTlsVerify: true } });
  });

  it("knows the flag of every setting", () => {
    for (const [name, { flag, type }] of optionEntries) {
      if (flag === undefined) continue;
      const given = type === "boolean" ? `--${flag}` : `--${flag} x`;
      expect(parse(given)).toMatchObject({ command: "watch", flags: { [name]: expect.anything() } });
    }
  });
});

describe("a usage mistake", () => {
  it.each([
    ["--no-tls-verfy", "unknown option '--no-tls-verfy' (did you mean --no-tls-verify?)"],
    ["scan --worker-count 2", "unknown option '--worker-count' (did you mean --workers-count?)"],
    ["demo --forevr", "unknown option '--forevr' (did you mean --forever?)"],
    ["--quokka", "unknown option '--quokka'"],
    ["-u me", "unknown option '-u'"],
    ["--namespace shop", "did you mean --build-watcher-namespace?"],
    ["--no-tls-verify=0", "option '--no-tls-verify' takes no value"],
    ["scna", "unknown command 'scna' (did you mean scan?)"],
    ["jobs retri", "unknown command 'retri' (did you mean retry?)"],
    ["ledger cpy", "unknown command 'cpy' (did you mean copy?)"],
    ["help scna", "no such command"],
    ["scan extra", "too many arguments for 'scan'"],
    ["submit", "missing required argument 'image'"],
    ["replay", "missing required argument 'file'"],
    ["jobs dismiss", "missing required argument 'id'"],
    ["jobs retry", "either ids of jobs or --failed"],
    ["jobs retry a --failed", "either ids of jobs or --failed"],
    ["jobs --state quokka", "waiting, running, done, failed, dismissed"],
    ["jobs retry a --json", "'--json' belongs to jobs alone"],
    ["jobs dismiss a --state failed", "'--state' belongs to jobs alone"],
    ["--workers-count", "argument missing"],
    ["jobs --limit many", "--limit is many; expected a whole number"],
    ["completion tcsh", "bash, zsh, fish"],
  ])("is told in words: %s", (line, mistake) => {
    const { text, exitCode } = print(line);
    expect(text).toContain(mistake);
    expect(text).toMatch(/^build-watcher: .*\nbuild-watcher --help .*\n$/);
    expect(exitCode).toBe(2);
  });

  it("never repeats the value of a misspelt password flag", () => {
    expect(print("--dst-registry-pasword=hush").text).toContain("did you mean --dst-registry-password?");
    expect(print("--dst-registry-pasword=hush").text).not.toContain("hush");
  });
});

describe("help", () => {
  it.each(["--help", "-h", "help", "-v --help"])(
    "comes with %s: the commands, examples, and the settings most people need",
    (line) => {
      const { text, exitCode } = print(line);
      expect(exitCode).toBe(0);
      for (const command of ["scan", "submit", "replay", "options", "demo", "jobs"])
        expect(text).toMatch(new RegExp(`^ {2}${command} `, "m"));
      for (const variable of ["THOTH_WATCHED_NAMESPACE", "THOTH_USER_API_HOST", "THOTH_PUSH_REGISTRY"])
        expect(text).toContain(variable);
      expect(text).toMatch(/^Examples:\n {2}build-watcher demo$/m);
      expect(text.replaceAll("\n", " ")).toContain(`build-watcher options prints all ${optionEntries.length} settings.`);
      expect(text.split("\n").length).toBeLessThan(80);
    },
  );

  it.each([
    ["submit --help", "Usage: build-watcher submit [options] <image...>"],
    ["help replay", "Usage: build-watcher replay [options] <file>"],
    ["demo -h", "--forever"],
    ["jobs --help", "--state <state>"],
    ["jobs retry --help", "Usage: build-watcher jobs retry [options] [id...]"],
    ["help jobs retry", "Usage: build-watcher jobs retry [options] [id...]"],
    ["help jobs", "build-watcher jobs --state failed"],
  ])("of a command comes with %s, and is short", (line, expected) => {
    const { text, exitCode } = print(line);
    expect(exitCode).toBe(0);
    expect(text).toContain(expected);
    expect(text).not.toContain("THOTH_");
  });

  it.each([
    [20, 60],
    [80, 80],
    [500, 100],
  ])("on a terminal %i characters wide takes at most %i", (columns, widest) => {
    const lines = print("--help", columns).text.split("\n");
    const tooLong = lines.filter((line) => line.length > widest);
    expect(tooLong).toEqual([]);
  });

  it("--version prints the version alone", () => {
    expect(print("--version")).toEqual({ command: "print", text: "1.2.3\n", exitCode: 0 });
  });
});
