import { expect, it, onTestFinished } from "vitest";
import {
  attacker,
  attackingBuild,
  crowd,
  type HostileRegistry,
  longestBlock,
  measuringBlocks,
  searchHard,
  spoilAnswers,
  startHostileRegistry,
} from "../support/attackers.ts";
import { createWorld, type World } from "../support/bot.ts";
import { type BotProcess, type LogLine, startBotProcess } from "../support/bot-process.ts";
import { aBuild } from "../support/fixtures.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { buildOf, namespace } from "../support/submissions.ts";

/** Milliseconds of its own processor time for which the bot may keep everything else waiting. */
const longest = 50;
const builds = 21;
/** What the bot does takes as long in every round; a busy processor and the collection of garbage seldom disturb two. */
const rounds = 4;

requirePrograms("docker-registry", "skopeo")("a tenant with a registry of his own", () => {
  it("keeps the bot neither busy nor full, and lies to nobody who reads its log and page", { timeout: 240_000 }, async () => {
    await using world = await createWorld();
    await using hostile = await startHostileRegistry();
    const registry = await startRegistry();
    onTestFinished(() => registry.close());
    spoilAnswers(world, (image) => image.includes("evil"));
    await using bot = startBotProcess(
      {
        ...world.environment,
        THOTH_WATCHED_NAMESPACE: `${namespace},${attacker}`,
        THOTH_PUSH_REGISTRY: `${registry.host}/mirror`,
        THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
        THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY: "1",
        THOTH_BUILD_WATCHER_WORKERS: "2",
        THOTH_VERBOSE_BUILD_WATCHER: "0",
        BUILD_WATCHER_SERVER: "1",
        BUILD_WATCHER_WEBHOOK_SECRET: "0123456789abcdef0123456789abcdef",
        PORT: "0",
      },
      { nodeFlags: measuringBlocks },
    );
    const url = String((await bot.logged((line) => line.url !== undefined)).url);
    await bot.logged(({ msg }) => msg === "Builds listed; watching");

    const blocks: number[] = [];
    while (blocks.length < rounds && Math.min(longest, ...blocks) === longest) {
      blocks.push(await attack({ world, hostile, registry, bot, url }, blocks.length));
    }

    expect(hostile.asked()).toBeGreaterThan(5);
    const jobs = await (await fetch(`${url}/api/jobs?limit=500`)).text();
    expect(jobs.length).toBeLessThan(builds * blocks.length * 20_000);
    expect(jobs).not.toContain("S3CRET");
    for (const text of [bot.stdout(), jobs])
      expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    expect(bot.lines.some(({ level }) => level === "fatal")).toBe(false);
    expect(Math.min(...blocks), `the longest blocks of each round: ${blocks}`).toBeLessThan(longest);
  });
});

interface Parts {
  readonly world: World;
  readonly hostile: HostileRegistry;
  readonly registry: RegistryServer;
  readonly bot: BotProcess;
  readonly url: string;
}

/** Attacks with everything at once, while another's build is analyzed; answers the longest block. */
async function attack({ world, hostile, registry, bot, url }: Parts, round: number): Promise<number> {
  // What came before is not this round's doing: the loading of the program, for one.
  void bot.kill("SIGUSR2");
  const before = bot.stderr().length;
  for (let number = 0; number < builds; number += 1)
    world.cluster.put("builds", attackingBuild(round * builds + number, hostile));
  const leave = crowd(url, 100);
  onTestFinished(leave);
  const victim = `victim-${round}`;
  await completeBuild(world, registry, victim);
  await searchHard(url);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  await world.analysis.waitFor(({ submissions }) => submissions.some((submission) => buildOf(submission).endsWith(victim)));
  const failed = ({ msg, subject }: LogLine) =>
    /^(?:Job|Attempt) failed/.test(String(msg)) && String(subject).startsWith(attacker);
  await expect
    .poll(() => new Set(bot.lines.filter(failed).map(({ subject }) => subject)).size, { timeout: 120_000 })
    .toBeGreaterThan((round + 1) * 5);
  await searchHard(url);
  leave();
  await searchHard(url);
  return longestBlock(bot, before);
}

async function completeBuild({ cluster }: World, registry: RegistryServer, name: string): Promise<void> {
  const image = makeImage();
  const outputReference = (await registry.push(`shop/${name}`, image, "1")).replace(/@.*/, ":1");
  const made = { name: `${name}-1`, namespace, buildConfig: name, base: null, digest: image.digest, outputReference };
  cluster.put("builds", aBuild(made));
}
