import { execFileSync, spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld } from "../support/bot.ts";
import { startBotProcess } from "../support/bot-process.ts";
import { imageEnvironment, readStages } from "../support/dockerfile.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let directory: string;
let packed: readonly string[];

/** What `npm pack` makes of the files that the Dockerfile copies, unpacked as an installation has it. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "build-watcher-built-"));
  const copied = ["package.json", "tsconfig.json", "tsconfig.build.json", "bin", "src", "scripts", "README.md", "LICENSE"];
  await Promise.all(copied.map((name) => cp(join(root, name), join(directory, name), { recursive: true })));
  await symlink(join(root, "node_modules"), join(directory, "node_modules"));
  await leaveTypesUnchecked(join(directory, "tsconfig.build.json"));
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH, NODE_ENV: "production" };
  execFileSync("npm", ["pack", "--silent", "--offline"], { cwd: directory, env, stdio: "pipe" });
  const archive = (await readdir(directory)).find((name) => name.endsWith(".tgz")) ?? "";
  execFileSync("tar", ["-xzf", archive, "--strip-components=1", "--one-top-level=installed"], { cwd: directory });
  directory = join(directory, "installed");
  packed = await readdir(directory, { recursive: true });
  await symlink(join(root, "node_modules"), join(directory, "node_modules"));
});

/** They are checked beside the tests, which takes longer than everything here. */
async function leaveTypesUnchecked(path: string): Promise<void> {
  const { compilerOptions, ...rest } = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...rest, compilerOptions: { ...compilerOptions, noCheck: true } }));
}

/** What the first of the program's starts compiled, for the others. */
const cache = () => ({ NODE_COMPILE_CACHE: join(dirname(directory), "compiled") });

afterAll(() => rm(dirname(directory), { recursive: true, force: true }));

describe("the built program", () => {
  it("starts, answers the probes, and serves its page with style and script", async () => {
    await using world = await createWorld();
    await using bot = startBotProcess(
      { ...world.environment, ...cache(), BUILD_WATCHER_SERVER: "1", PORT: "0" },
      { program: join(directory, "dist/main.js") },
    );
    const { url } = await bot.logged((line) => "url" in line);
    for (const path of ["/livez", "/", "/assets/style.css", "/assets/live.js"]) {
      expect((await fetch(`${url}${path}`)).status, path).toBe(200);
    }
    expect(await bot.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  });

  it("is the packed program, without what only a debugger or a compiler reads", () => {
    expect(packed).toContain("dist/server/assets/live.js");
    expect(packed.filter((path) => /\.(?:map|ts)$/.test(path))).toEqual([]);
    expect(packed.filter((path) => !/^(?:bin|dist)(?:\/|$)|^(?:package\.json|README\.md|LICENSE)$/.test(path))).toEqual([]);
  });

  it("runs from any folder by its name, as npm links it", async () => {
    const bin = join(directory, "node_modules-bin");
    await mkdir(bin);
    const { bin: commands, version } = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
    await symlink(join(directory, commands["build-watcher"]), join(bin, "build-watcher"));
    const PATH = [bin, dirname(process.execPath)].join(delimiter);
    const said = (...args: readonly string[]) =>
      execFileSync("build-watcher", args, { cwd: tmpdir(), env: { PATH, ...cache() }, encoding: "utf8" });
    expect(said("--version")).toBe(`${version}\n`);
    expect(said("--help")).toContain("THOTH_WATCHED_NAMESPACE");
  });

  it("starts in a pod with what keeps its memory low: at once in the image, else a second time", () => {
    const tells = `const { MALLOC_ARENA_MAX, MALLOC_TRIM_THRESHOLD_, NODE_OPTIONS = "" } = process.env;
      const option = [NODE_OPTIONS, ...process.execArgv].find((word) => /^--max-.+-size=/.test(word));
      console.log(JSON.stringify([MALLOC_ARENA_MAX, MALLOC_TRIM_THRESHOLD_, option]))`;
    const told = (environment: Readonly<Record<string, string>>) =>
      execFileSync(
        process.execPath,
        ["--import", `data:text/javascript,${encodeURIComponent(tells)}`, join(directory, "dist/main.js"), "--version"],
        { env: { KUBERNETES_SERVICE_HOST: "172.30.0.1", ...cache(), ...environment }, encoding: "utf8" },
      )
        .split("\n")
        .filter((line) => line.startsWith("["))
        .map((line) => JSON.parse(line));
    const image = imageEnvironment(`${root}Dockerfile`);
    const wanted = ["1", "65536", image.NODE_OPTIONS];
    expect(told(image)).toEqual([wanted]);
    expect(told({})).toEqual([[null, null, null], wanted]);
    expect(told({ ...image, NODE_OPTIONS: "--use-openssl-ca" }).at(-1)).toEqual(wanted);
    expect(told({ ...image, NODE_OPTIONS: "--max-semi-space-size=8" })).toEqual([["1", "65536", "--max-semi-space-size=8"]]);
  });

  it("says in one line that a Node is too old", () => {
    const older = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"20.11.0"}})';
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", older, join(directory, "bin/build-watcher.js")], {
      encoding: "utf8",
    });
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: "",
      stderr: "build-watcher needs Node 24 or newer; this is Node 20.11.0.\n",
    });
  });

  it("passes the image's own test, which fails when the page's files are missing", async () => {
    const [, final] = readStages(`${root}Dockerfile`);
    const runs = final?.instructions.filter(({ name }) => name === "RUN").map(({ text }) => text) ?? [];
    const command = (runs.at(-1) ?? "").replaceAll("/tmp/smoke-test", join(directory, "smoke-test"));
    const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
    const run = () => execFileSync("sh", ["-c", command], { cwd: directory, env: { PATH, ...cache() }, stdio: "pipe" });
    expect(run).not.toThrow();
    await rm(join(directory, "dist/server/assets"), { recursive: true });
    expect(run).toThrow();
  });
});
