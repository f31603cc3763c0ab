import { execFileSync } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld } from "../support/bot.ts";
import { startBotProcess } from "../support/bot-process.ts";
import { readStages } from "../support/dockerfile.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let directory: string;

/** What the image holds: only what the Dockerfile copies, built as it builds. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "build-watcher-built-"));
  const copied = ["package.json", "tsconfig.json", "tsconfig.build.json", "src"];
  await Promise.all(copied.map((name) => cp(join(root, name), join(directory, name), { recursive: true })));
  await symlink(join(root, "node_modules"), join(directory, "node_modules"));
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  execFileSync("npm", ["run", "--silent", "build"], { cwd: directory, env: { ...process.env, PATH }, stdio: "pipe" });
  await rm(join(directory, "src"), { recursive: true });
});

afterAll(() => rm(directory, { recursive: true, force: true }));

describe("the built program", () => {
  it("starts, answers the probes, and serves its page with style and script", async () => {
    await using world = await createWorld();
    await using bot = startBotProcess(
      { ...world.environment, BUILD_WATCHER_SERVER: "1", PORT: "0" },
      { program: join(directory, "dist/main.js") },
    );
    const { url } = await bot.logged((line) => "url" in line);
    for (const path of ["/livez", "/", "/assets/style.css", "/assets/live.js"]) {
      expect((await fetch(`${url}${path}`)).status, path).toBe(200);
    }
    expect(await bot.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  });

  it("passes the image's own test, which fails when the page's files are missing", async () => {
    const [, final] = readStages(`${root}Dockerfile`);
    const runs = final?.instructions.filter(({ name }) => name === "RUN").map(({ text }) => text) ?? [];
    const command = (runs.at(-1) ?? "").replaceAll("/tmp/smoke-test", join(directory, "smoke-test"));
    const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
    const run = () => execFileSync("sh", ["-c", command], { cwd: directory, env: { PATH }, stdio: "pipe" });
    expect(run).not.toThrow();
    await rm(join(directory, "dist/server/assets"), { recursive: true });
    expect(run).toThrow();
  });
});
