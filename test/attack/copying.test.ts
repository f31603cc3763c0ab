import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Bot, createWorld, type World } from "../support/bot.ts";
import { type BotProcess, startBotProcess } from "../support/bot-process.ts";
import { type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { completedBuild, imageOf, namespace } from "../support/submissions.ts";

requirePrograms("skopeo", "docker-registry")("a bot that copies images", () => {
  let registry: RegistryServer;
  let pushRegistry: FaultyRegistry;
  /** Repositories whose uploads are never answered. */
  let stuck: readonly string[];

  beforeAll(async () => {
    registry = await startRegistry();
  });
  beforeEach(async () => {
    stuck = [];
    pushRegistry = await startFaultyRegistry(
      registry,
      ({ method, url }) => method === "POST" && stuck.some((repository) => url?.includes(`/${repository}/`)),
    );
    return () => pushRegistry.close();
  });
  afterAll(() => registry.close());

  function start(world: World, settings: Readonly<Record<string, string>> = {}): BotProcess {
    return startBotProcess({ ...world.environment, ...copying(), ...settings });
  }

  /** The same in this process. */
  function startHere(world: World, settings: Readonly<Record<string, string>> = {}): Bot {
    return world.bot([], { ...copying(), BUILD_WATCHER_SHUTDOWN_GRACE: "1s", ...settings });
  }

  function copying(): Readonly<Record<string, string>> {
    return {
      THOTH_PUSH_REGISTRY: `${pushRegistry.host}/copies`,
      THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
      THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY: "1",
      THOTH_BUILD_WATCHER_WORKERS: "2",
      BUILD_WATCHER_REGISTRY_ROUTE: registry.host,
    };
  }

  /** Lets a build of an image complete that lies in the registry; answers the name of its copy. */
  async function complete({ cluster }: World, name: string): Promise<string> {
    const image = makeImage();
    await registry.push(`${namespace}/${name}`, image, "latest");
    const traits = { outputReference: `${registry.host}/${namespace}/${name}:latest`, digest: image.digest, base: null };
    cluster.put("builds", completedBuild(name, traits));
    return `${pushRegistry.host}/copies/${copyOf(name)}@${image.digest}`;
  }

  it("submits an image once, by its copy, though it was killed while the image was copied", async () => {
    await using world = await createWorld();
    stuck = [`copies/${copyOf("app")}`];
    await using bot = start(world);
    const copy = await complete(world, "app");
    await pushRegistry.struck;
    await bot.kill("SIGKILL");
    world.cluster.remove("builds", namespace, "app-1");
    stuck = [];
    await startHere(world).logged(({ msg }) => msg === "Job done");
    expect(world.analysis.submissions.map(imageOf)).toEqual([copy]);
    expect(childrenOf(world)).toEqual([]);
  });

  it("submits an image once, by its copy, though it was killed between the copy and the request", async () => {
    await using world = await createWorld();
    world.cluster.fail("log", "hang");
    await using bot = start(world);
    const copy = await complete(world, "app");
    await world.cluster.waitFor(({ requests }) => requests.some(({ resource }) => resource === "builds/log"));
    await bot.kill("SIGKILL");
    world.cluster.remove("builds", namespace, "app-1");
    await startHere(world).logged(({ msg }) => msg === "Job done");
    expect(world.analysis.submissions.map(imageOf)).toEqual([copy]);
  });

  it("copies others while a copy hangs", async () => {
    await using world = await createWorld();
    stuck = [`copies/${copyOf("poison")}`];
    startHere(world);
    await complete(world, "poison");
    await pushRegistry.struck;
    const copies = await Promise.all(["app-1", "app-2", "app-3"].map((name) => complete(world, name)));
    await world.analysis.waitFor(({ submissions }) => submissions.length === 3);
    expect(world.analysis.submissions.map(imageOf).sort()).toEqual(copies.sort());
    expect(childrenOf(world)).toHaveLength(1);
  });

  it("ends a copy that hangs, with its child, at the job's deadline", async () => {
    await using world = await createWorld();
    stuck = [`copies/${copyOf("poison")}`];
    const bot = startHere(world, { BUILD_WATCHER_JOB_TIMEOUT: "3s" });
    await complete(world, "poison");
    const { reason } = await bot.logged(({ level, subject }) => level === "warn" && subject === `${namespace}/poison-1`);
    expect(reason).toBe("TimedOut");
    expect(childrenOf(world)).toEqual([]);
  });

  it.each([
    ["asked to stop, once the grace is over", ["SIGTERM"], { code: 0, signal: null }],
    ["left by its terminal, once the grace is over", ["SIGHUP"], { code: 0, signal: null }],
    ["asked to stop twice", ["SIGTERM", "SIGTERM"], { code: 143, signal: null }],
    ["interrupted twice", ["SIGINT", "SIGINT"], { code: 130, signal: null }],
  ] as const)("leaves no child behind when it is %s", async (_name, signals, ending) => {
    await using world = await createWorld();
    stuck = [`copies/${copyOf("app")}`];
    await using bot = start(world, { BUILD_WATCHER_SHUTDOWN_GRACE: signals.length > 1 ? "1h" : "1s" });
    await complete(world, "app");
    await pushRegistry.struck;
    expect(childrenOf(world)).toHaveLength(1);
    for (const signal of signals) {
      void bot.kill(signal);
      await bot.logged(({ msg }) => String(msg).startsWith("Stopping"));
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    expect(await bot.exited).toEqual(ending);
    await expect.poll(() => childrenOf(world)).toEqual([]);
    expect(readdirSync(`${world.stateDirectory}/skopeo/run`)).toEqual([]);
  });
});

/** What the copy of an image of the build's own namespace is called. */
function copyOf(name: string): string {
  return `${namespace}_${name}`;
}

/** Processes that copy for a bot of this world. */
function childrenOf({ stateDirectory }: World): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`${stateDirectory}/skopeo/run`);
    } catch {
      return false;
    }
  });
}
