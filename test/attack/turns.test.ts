import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type Bot, createWorld, type World } from "../support/bot.ts";
import { fastClock } from "../support/fast-clock.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { completedBuild, imageOf, namespace } from "../support/submissions.ts";

const attacker = "mallory";

requirePrograms("skopeo", "docker-registry")("a namespace with five images whose layers never come", () => {
  let registry: RegistryServer;
  let destination: RegistryServer;

  beforeAll(async () => {
    [registry, destination] = await Promise.all([startRegistry(), startRegistry()]);
  });
  afterAll(() => Promise.all([registry.close(), destination.close()]));

  /** A bot that copies; five builds of the attacker's complete before one of another. Resolves when that is submitted; `hung` are the attacker's whose layers were asked for till then. */
  async function attack(
    world: World,
    workers: number,
    speed: number,
  ): Promise<{ readonly bot: Bot; readonly hung: Set<string> }> {
    const hung = new Set<string>();
    const tarpit = await startFaultyRegistry(registry, ({ method }, _response, url) => {
      const [, name] = /^\/v2\/evil\/(\w+)\/blobs\//.exec(url) ?? [];
      if (method === "GET" && name) hung.add(name);
      return method === "GET" && name !== undefined;
    });
    onTestFinished(() => tarpit.close());
    const settings = {
      THOTH_WATCHED_NAMESPACE: `${namespace},${attacker}`,
      THOTH_BUILD_WATCHER_WORKERS: String(workers),
      THOTH_PUSH_REGISTRY: `${destination.host}/copies`,
      THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
      THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY: "1",
      BUILD_WATCHER_JOB_TIMEOUT: "1h",
      BUILD_WATCHER_SHUTDOWN_GRACE: "0",
    };
    const victim = await pushed("shop/victim", registry.host);
    const bot = world.bot([], settings, fastClock(speed));
    await bot.logged(({ msg }) => msg === "Builds listed; watching");
    for (let number = 1; number <= 5; number += 1) {
      const { digest, outputReference } = await pushed(`evil/sink${number}`, tarpit.host);
      const build = completedBuild(`sink${number}`, { outputReference, digest, base: null });
      world.cluster.put("builds", { ...build, metadata: { ...build.metadata, namespace: attacker } });
    }
    await tarpit.struck;
    world.cluster.put("builds", completedBuild("victim", { ...victim, base: null }));
    await world.analysis.waitFor(({ submissions }) => submissions.length === 1);
    expect(world.analysis.submissions.map(imageOf)).toEqual([expect.stringContaining(victim.digest)]);
    return { bot, hung };
  }

  async function pushed(path: string, host: string) {
    const image = makeImage();
    await registry.push(path, image, "latest");
    return { digest: image.digest, outputReference: `${host}/${path}:latest` };
  }

  it("holds up another's build for one silence and not for five jobs, where there is one worker", async () => {
    await using world = await createWorld();
    const { bot, hung } = await attack(world, 1, 12);
    expect(hung.size).toBe(1);
    const ended = bot.lines.filter(({ subject, reason }) => String(subject).startsWith(attacker) && reason !== undefined);
    expect(ended.map(({ reason }) => reason)).toEqual(["RegistryUnavailable"]);
  });

  it("holds up nobody where there are two workers, for it never holds both", async () => {
    await using world = await createWorld();
    const { bot, hung } = await attack(world, 2, 1);
    expect(hung.size).toBe(1);
    expect(bot.lines.filter(({ subject, reason }) => String(subject).startsWith(attacker) && reason !== undefined)).toEqual([]);
  });
});
