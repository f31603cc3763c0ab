import { setTimeout as pause } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { attacker, attackingBuild, crowd, searchHard, spoilAnswers, startHostileRegistry } from "../support/attackers.ts";
import { createWorld, type World } from "../support/bot.ts";
import { startBotProcess } from "../support/bot-process.ts";
import { imageEnvironment } from "../support/dockerfile.ts";
import { aBuild } from "../support/fixtures.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeImage } from "../support/registry-images.ts";
import { type RegistryServer, startRegistry } from "../support/registry-server.ts";
import { buildOf, namespace } from "../support/submissions.ts";

const seconds = Number(process.env.ATTACK_SECONDS ?? 180);
const attacked = 100;
const calm = 20;
/** How much longer builds may wait beside the attack, and bytes the bot may take. */
const slowdown = 5;
const mostMemory = 300 * 1024 * 1024;

requirePrograms("docker-registry", "skopeo")("a namespace that attacks with everything at once", () => {
  it("costs the builds of another some time and none its analysis", async () => {
    await using world = await createWorld();
    await using hostile = await startHostileRegistry();
    const registry = await startRegistry();
    onTestFinished(() => registry.close());
    spoilAnswers(world, (image) => image.includes("evil"));
    await using bot = startBotProcess({
      ...world.environment,
      ...imageEnvironment(new URL("../../Dockerfile", import.meta.url).pathname),
      THOTH_WATCHED_NAMESPACE: `${namespace},${attacker}`,
      THOTH_PUSH_REGISTRY: `${registry.host}/mirror`,
      THOTH_NO_SOURCE_REGISTRY_TLS_VERIFY: "1",
      THOTH_NO_DESTINATION_REGISTRY_TLS_VERIFY: "1",
      THOTH_BUILD_WATCHER_WORKERS: "4",
      THOTH_VERBOSE_BUILD_WATCHER: "0",
      BUILD_WATCHER_SERVER: "1",
      BUILD_WATCHER_WEBHOOK_SECRET: "0123456789abcdef0123456789abcdef",
      PORT: "0",
    });
    const url = String((await bot.logged((line) => line.url !== undefined)).url);
    await bot.logged(({ msg }) => msg === "Builds listed; watching");

    const before = await completeAll(world, registry, "calm", calm, 0);
    const stop = new AbortController();
    const attacks = attack(world, hostile, url, stop.signal);
    const memory: number[] = [];
    const during = await completeAll(world, registry, "hurt", attacked, (seconds * 1_000) / attacked, async () => {
      memory.push(await residentMemory(url));
    });
    stop.abort();
    await attacks;
    const peak = Math.max(...memory);
    const [usual, slowed] = [median(before), median(during)];
    console.log(
      `${hostile.asked()} hostile answers; median wait ${Math.round(usual)} ms, attacked ${Math.round(slowed)} ms; ${Math.round(peak / 2 ** 20)} MiB`,
    );
    expect(during).toHaveLength(attacked);
    expect(slowed).toBeLessThan(slowdown * Math.max(usual, 200));
    expect(peak).toBeLessThan(mostMemory);
  });
});

/** Completes builds one after the other, so many milliseconds apart, and answers how long each waited for its submission. */
async function completeAll(
  { cluster, analysis }: World,
  registry: RegistryServer,
  kind: string,
  count: number,
  apart: number,
  afterEach: () => Promise<void> = async () => undefined,
): Promise<readonly number[]> {
  const waits: number[] = [];
  for (let number = 0; number < count; number += 1) {
    const name = `${kind}-${number}`;
    const image = makeImage();
    const outputReference = (await registry.push(`shop/${name}`, image, "1")).replace(/@.*/, ":1");
    const start = performance.now();
    cluster.put(
      "builds",
      aBuild({ name: `${name}-1`, namespace, buildConfig: name, base: null, digest: image.digest, outputReference }),
    );
    await analysis.waitFor(({ submissions }) => submissions.some((submission) => buildOf(submission).endsWith(name)));
    waits.push(performance.now() - start);
    await afterEach();
    await pause(Math.max(0, apart - (performance.now() - start)));
  }
  return waits;
}

async function attack(
  { cluster }: World,
  hostile: Parameters<typeof attackingBuild>[1],
  url: string,
  signal: AbortSignal,
): Promise<void> {
  const crowding = async () => {
    while (!signal.aborted) {
      const leave = crowd(url, 100);
      await pause(5_000, undefined, { signal }).catch(() => undefined);
      leave();
    }
  };
  const searching = async () => {
    while (!signal.aborted) {
      await searchHard(url).catch(() => undefined);
      await pause(200);
    }
  };
  const building = async () => {
    for (let number = 0; !signal.aborted; number += 1) {
      cluster.put("builds", attackingBuild(number, hostile));
      if (number >= 50) cluster.remove("builds", attacker, `evil-${number - 50}-1`);
      await pause(300);
    }
  };
  await Promise.all([crowding(), searching(), building()]);
}

async function residentMemory(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
