import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { openEmbeddedQueue } from "../../src/queue/index.ts";
import { createWorld, type World } from "../support/bot.ts";
import { type BotProcess, startBotProcess } from "../support/bot-process.ts";
import { completedBuild, namespace, submissionsByBuild } from "../support/submissions.ts";

const fewestKills = 30;
const fewestBuilds = 700;
/** Milliseconds a bot that watches has for a build, before it is pruned. */
const lifetime = 2_000;
const workers = 4;

const between = (least: number, most: number) => least + Math.random() * (most - least);

it("submits every build, and few twice, though it is killed at random moments and builds are soon pruned", async () => {
  await using world = await createWorld({ latency: () => between(0, 150) });
  const builds = createBuilds(world);
  let interrupted = 0;
  let kills = 0;
  for (; kills < fewestKills || builds.completed() < fewestBuilds; kills += 1) {
    await using bot = start(world);
    const watching = bot.logged(isWatching).then(builds.seen, () => undefined);
    // Every second bot is killed while it starts, the others while they watch, however slow the machine is.
    if (kills % 2 === 0) await watching;
    await pause(between(50, kills % 2 ? 1_500 : 4_000));
    await bot.kill("SIGKILL");
    builds.unseen();
    interrupted += await runningIn(world);
  }
  builds.stop();

  await using bot = start(world);
  await world.analysis.waitFor((analysis) => submissionsByBuild(analysis).size >= builds.completed());
  await bot.logged(isWatching);
  expect(await bot.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  const counts = [...submissionsByBuild(world.analysis).values()];
  const repeated = counts.reduce((sum, count) => sum + count - 1, 0);
  console.log(
    `${kills} kills, ${builds.completed()} builds, ${builds.pruned()} pruned, ${interrupted} interrupted, ${repeated} repeated`,
  );
  expect(builds.pruned()).toBeGreaterThan(fewestBuilds / 2);
  expect(repeated).toBeLessThanOrEqual(interrupted);
  expect(interrupted).toBeLessThanOrEqual(workers * kills);
  expect(interrupted, "or nothing was attacked").toBeGreaterThan(0);
});

function start(world: World): BotProcess {
  return startBotProcess(world.environment, { argv: ["--workers-count", String(workers)] });
}

function isWatching({ msg }: Readonly<Record<string, unknown>>): boolean {
  return msg === "Builds listed; watching";
}

/** What the ledger says was running when the bot was killed. */
async function runningIn({ stateDirectory }: World): Promise<number> {
  const settings = { workers: 1, jobTimeout: 1, giveUpAfter: 1, exclusive: false };
  const queue = openEmbeddedQueue({ directory: stateDirectory, ...settings });
  const { running } = await queue.counts();
  await queue.close();
  return running;
}

/** Lets builds complete all the time, and prunes those that a watching bot had time for: at once, or while the next bot is not yet up. */
function createBuilds({ cluster }: World) {
  const living = new Map<string, number>();
  const doomed = new Set<string>();
  let completed = 0;
  let pruned = 0;
  let watchedSince = Number.POSITIVE_INFINITY;

  function prune(name: string): void {
    cluster.remove("builds", namespace, `${name}-1`);
    pruned += 1;
  }

  function completeSome(): void {
    for (let burst = Math.random() < 0.1 ? 10 : 1; burst > 0; burst -= 1) {
      completed += 1;
      living.set(`app-${completed}`, performance.now());
      cluster.put("builds", completedBuild(`app-${completed}`));
    }
  }

  function pruneSome(): void {
    for (const [name, completedAt] of living) {
      if (performance.now() - Math.max(completedAt, watchedSince) < lifetime) continue;
      living.delete(name);
      if (Math.random() < 0.5) prune(name);
      else doomed.add(name);
    }
  }

  const timers = [setInterval(completeSome, 150), setInterval(pruneSome, 50)];
  return {
    completed: () => completed,
    pruned: () => pruned,
    seen() {
      watchedSince = performance.now();
    },
    unseen() {
      watchedSince = Number.POSITIVE_INFINITY;
      for (const name of doomed) prune(name);
      doomed.clear();
    },
    stop() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
