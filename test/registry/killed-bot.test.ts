import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { filesBelow, openTestCopier, temporaryDirectory } from "../support/copier.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";

requirePrograms("skopeo", "docker-registry")("a bot that is killed in mid-copy", () => {
  let registry: RegistryServer;
  let hanging: FaultyRegistry;
  let bot: ChildProcess;
  let name: string;
  const state = temporaryDirectory();

  beforeEach(async () => {
    registry = await startRegistry();
    name = await registry.push("ns/app", makeImage());
    hanging = await startFaultyRegistry(
      registry,
      ({ method, headers }) => method === "POST" && !!headers["user-agent"]?.includes("skopeo"),
    );
    const settings = {
      pushRegistry: `${hanging.host}/copies`,
      stateDirectory: state,
      destination: { user: "me", password: "S3cret" },
    };
    bot = spawn(process.execPath, ["--input-type=module-typescript", "--eval", program(settings, name)], {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["ignore", "inherit", "inherit"],
    });
    await hanging.struck;
  });
  afterEach(async () => {
    bot.kill("SIGKILL");
    await Promise.all([registry.close(), hanging.close()]);
  });

  it("leaves nothing behind once the next one started, which is not troubled by one that lives", async () => {
    const run = join(state, "skopeo", "run");
    expect(childrenOf(state)).toHaveLength(1);
    expect(filesBelow(run).some((path) => readFileSync(path, "utf8").includes("auth"))).toBe(true);

    const beside = await openTestCopier({ pushRegistry: registry.host, stateDirectory: state });
    expect(childrenOf(state)).toHaveLength(1);
    await beside.close();

    bot.kill("SIGKILL");
    await once(bot, "exit");
    expect(childrenOf(state)).toHaveLength(1);
    const next = await openTestCopier({ pushRegistry: `${registry.host}/copies`, stateDirectory: state });
    expect(childrenOf(state)).toEqual([]);
    expect(filesBelow(run)).toEqual([]);
    await expect(next.copyNamed(name)).resolves.toMatchObject({ repository: "copies/ns-app" });
    await next.remove();
  });
});

/** A bot's process: it copies one image, and hangs where the registry does. */
function program(settings: object, image: string): string {
  return `
    import { openTestCopier } from "./test/support/copier.ts";
    const copier = await openTestCopier(${JSON.stringify(settings)});
    await copier.copyNamed(${JSON.stringify(image)});
  `;
}

/** Processes whose command line names the directory. */
function childrenOf(directory: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${directory}/skopeo/run`);
    } catch {
      return false;
    }
  });
}
