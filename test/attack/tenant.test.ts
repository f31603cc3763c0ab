import { expect, it, onTestFinished } from "vitest";
import {
  attacker,
  attackingBuild,
  crowd,
  longestBlock,
  measuringBlocks,
  searchHard,
  spoilAnswers,
  startHostileRegistry,
} from "../support/attackers.ts";
import { createWorld } from "../support/bot.ts";
import { startBotProcess } from "../support/bot-process.ts";
import { aBuild } from "../support/fixtures.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { startRegistry } from "../support/registry-server.ts";
import { namespace, submissionsByBuild } from "../support/submissions.ts";

/** Milliseconds of its own processor time for which the bot may keep everything else waiting: 50 are wanted, and a busy machine takes twice as long. */
const longest = 100;
const builds = 21;

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
    // What it takes to load the program is no attack's doing.
    void bot.kill("SIGUSR2");
    const before = bot.stderr().length;

    for (let number = 0; number < builds; number += 1) world.cluster.put("builds", attackingBuild(number, hostile));
    const leave = crowd(url, 100);
    onTestFinished(leave);
    const image = makeImage();
    const outputReference = (await registry.push("shop/victim", image, "1")).replace(/@.*/, ":1");
    const victim = aBuild({
      name: "victim-1",
      namespace,
      buildConfig: "victim",
      base: null,
      digest: image.digest,
      outputReference,
    });
    world.cluster.put("builds", victim);
    await searchHard(url);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await world.analysis.waitFor(({ submissions }) =>
      submissions.some(({ body, query }) => JSON.stringify([body, query]).includes("victim")),
    );
    const failed = ({ msg, subject }: Readonly<Record<string, unknown>>) =>
      /^(?:Job|Attempt) failed/.test(String(msg)) && String(subject).startsWith(attacker);
    await expect
      .poll(() => new Set(bot.lines.filter(failed).map(({ subject }) => subject)).size, { timeout: 120_000 })
      .toBeGreaterThan(5);
    await searchHard(url);
    leave();

    expect(hostile.asked()).toBeGreaterThan(5);
    expect([...submissionsByBuild(world.analysis).keys()].some((name) => name.includes("victim"))).toBe(true);
    const jobs = await (await fetch(`${url}/api/jobs?limit=500`)).text();
    expect(jobs.length).toBeLessThan(builds * 20_000);
    expect(jobs).not.toContain("S3CRET");
    for (const text of [bot.stdout(), jobs])
      expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    expect(bot.lines.some(({ level }) => level === "fatal")).toBe(false);
    expect(longestBlock(bot, before)).toBeLessThan(longest);
  });
});
