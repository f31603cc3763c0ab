import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import { readProxies } from "../../../src/core/hosts/proxy.ts";
import { parseImageReference } from "../../../src/core/images/image-reference.ts";
import { checkSkopeo, openSkopeo } from "../../../src/registry/skopeo/skopeo.ts";
import { temporaryDirectory } from "../../support/copier.ts";
import { requirePrograms, runProgram } from "../../support/programs.ts";

const directory = temporaryDirectory();
const signal = new AbortController().signal;
const digest = `sha256:${"a".repeat(64)}` as const;
const copy = {
  source: { ...parseImageReference("127.0.0.1:1/ns/app"), digest },
  destination: parseImageReference("127.0.0.1:1/copies/app:v1"),
  from: { login: undefined, verifyTls: true },
  to: { login: { user: "me", password: "S3cret" }, verifyTls: true },
  certificates: "",
};

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A program in skopeo's place, for what the real one cannot be made to do. */
function script(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

function open(path: string, stateDirectory = join(directory, "state"), env: NodeJS.ProcessEnv = process.env) {
  const [kill, once, off] = [process.kill.bind(process), process.once.bind(process), process.off.bind(process)];
  const host = { pid: process.pid, env, kill, once, off, getuid: () => 1000 };
  const { proxies } = readProxies({ HTTPS_PROXY: env.HTTPS_PROXY });
  return openSkopeo({ path, stateDirectory, commandTimeout: 90_500, host, clock: systemClock, proxies });
}

describe("the skopeo that is found", () => {
  it.each([
    ["1.9.0", { version: "1.9.0" }],
    ["1.22.2-dev commit: 12ab", { version: "1.22.2-dev" }],
    ["2.0.0", { version: "2.0.0" }],
  ])("of version %s will do", async (version, expected) => {
    expect(await checkSkopeo(script("good", `echo "skopeo version ${version}"`), process, systemClock)).toEqual(expected);
  });

  it.each([
    ["too old", 'echo "skopeo version 1.8.0"', /1\.8\.0, too old\. Install skopeo 1\.9 or newer.*SKOPEO_EXEC_PATH/],
    ["something else", "echo hello", /cannot be run\. Install skopeo/],
    ["broken", "exit 1", /cannot be run/],
  ])("is refused when it is %s", async (_, text, message) => {
    await expect(checkSkopeo(script("bad", text), process, systemClock)).rejects.toThrow(message);
  });
});

describe("skopeo", () => {
  it("gets its arguments as they are, and an environment of allowed variables alone", async () => {
    const path = script("spy", `for a in "$@"; do echo "arg=$a"; done >${directory}/seen; env >>${directory}/seen; exit 1`);
    const env = {
      PATH: process.env.PATH,
      HTTPS_PROXY: "http://proxy:1",
      THOTH_DST_REGISTRY_PASSWORD: "S3cret",
      REGISTRY_AUTH_FILE: "/x",
    };
    const skopeo = await open(path, join(directory, "state"), env);
    const source = { ...copy.source, repository: "ns/$(touch pwned);x" };
    await expect(skopeo.copy({ ...copy, source }, signal)).rejects.toMatchObject({ reason: "CopyFailed" });
    const seen = runProgram("cat", [join(directory, "seen")]);
    expect(seen).toContain(`arg=docker://127.0.0.1:1/ns/$(touch pwned);x@${digest}\n`);
    expect(seen).toContain("arg=--command-timeout\narg=91s\n");
    expect(seen).toContain("HTTPS_PROXY=http://proxy:1\n");
    expect(seen).toContain(`HOME=${directory}/state/skopeo/home\n`);
    expect(seen).toContain(`GOMAXPROCS=${Math.max(1, availableParallelism() - 1)}\n`);
    expect(seen).toContain("GOGC=200\n");
    expect(seen).not.toMatch(/S3cret|REGISTRY_AUTH_FILE|THOTH_/);
    await skopeo.close();
  });

  it("may use as many processors and as much memory as the operator wishes", async () => {
    const path = script("processors", `env >${directory}/processors; exit 1`);
    const skopeo = await open(path, join(directory, "state"), { PATH: process.env.PATH, GOMAXPROCS: "6", GOGC: "80" });
    await expect(skopeo.copy(copy, signal)).rejects.toMatchObject({ reason: "CopyFailed" });
    const seen = runProgram("cat", [join(directory, "processors")]);
    expect(seen).toContain("GOMAXPROCS=6\n");
    expect(seen).toContain("GOGC=80\n");
    await skopeo.close();
  });

  it.each([
    ["says nothing of a digest", "exit 0", /the digest it pushed is missing/],
    [
      "pushed another digest",
      `while [ "$1" ]; do [ "$1" = --digestfile ] && echo sha256:other >"$2"; shift; done`,
      /the digest it pushed is sha256:other/,
    ],
  ])("is not believed when it ends well but %s", async (_, text, message) => {
    const skopeo = await open(script("liar", text));
    await expect(skopeo.copy(copy, signal)).rejects.toMatchObject({
      reason: "CopyFailed",
      message: expect.stringMatching(message),
    });
    await skopeo.close();
  });

  it("that disappears after the start makes a failure that says so", async () => {
    const skopeo = await open(join(directory, "gone"));
    await expect(skopeo.copy(copy, signal)).rejects.toMatchObject({
      reason: "CopyFailed",
      message: expect.stringMatching(/could not be started \(ENOENT\): install skopeo or set SKOPEO_EXEC_PATH/),
    });
    await skopeo.close();
  });

  it("that cannot be started for want of file descriptors is a failure, not the end of the bot", () => {
    const child = new URL("../../../src/children/child.ts", import.meta.url).href;
    const clock = new URL("../../../src/core/clock.ts", import.meta.url).href;
    const program = `
      import { openSync } from "node:fs";
      import { runChild } from "${child}";
      import { systemClock } from "${clock}";
      try { for (;;) openSync("/dev/null"); } catch {}
      const settings = { command: "/bin/true", args: [], environment: {}, host: process, clock: systemClock };
      await runChild(settings, new AbortController().signal).catch(({ code }) => console.log(code));`;
    const limited = 'ulimit -n 256; exec "$0" --input-type=module -e "$1"';
    expect(runProgram("bash", ["-c", limited, process.execPath, program])).toBe("EMFILE\n");
  });

  it("that does not listen to TERM is killed, with the children it has", async () => {
    const path = script("stubborn", `trap "" TERM; (trap "" TERM; echo ready >${directory}/ready; while :; do sleep 1; done)`);
    runProgram("mkfifo", [join(directory, "ready")]);
    const skopeo = await open(path);
    const controller = new AbortController();
    const ended = expect(skopeo.copy(copy, controller.signal)).rejects.toThrow("deadline");
    const { readFile } = await import("node:fs/promises");
    await readFile(join(directory, "ready"));
    controller.abort(new Error("deadline"));
    await ended;
    await skopeo.close();
  });
});

requirePrograms("mount", "umount")("a full disk", () => {
  const full = join(directory, "full");
  mkdirSync(full);
  const mounted = canMount(full);
  afterAll(() => mounted && runProgram("umount", [full]));

  it.skipIf(!mounted)("under the state directory is told as such (needs the right to mount a tmpfs)", async () => {
    const skopeo = await open("skopeo", join(full, "state"));
    const filler = join(full, "filler");
    expect(() => writeFileSync(filler, Buffer.alloc(1024 * 1024))).toThrow(/ENOSPC/);
    await expect(skopeo.copy(copy, signal)).rejects.toMatchObject({ reason: "DiskFull" });
    rmSync(filler);
    await skopeo.close();
  });
});

function canMount(directory: string): boolean {
  try {
    runProgram("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]);
    return true;
  } catch {
    return false;
  }
}
