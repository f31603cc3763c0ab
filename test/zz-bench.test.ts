import { expect, it } from "vitest";
import { createWorld } from "./support/bot.ts";
import { startBotProcess } from "./support/bot-process.ts";
import { completedBuild } from "./support/submissions.ts";
it.each(["0","1","0","1","0","1"])("follow %s", async (follow) => {
  await using world = await createWorld({ states: ["running"] });
  const n = 1500;
  for (let i = 0; i < n; i++) world.cluster.put("builds", completedBuild(`app-${i}`));
  await using bot = startBotProcess({ ...world.environment, THOTH_VERBOSE_BUILD_WATCHER: "0", BUILD_WATCHER_FOLLOW: follow, THOTH_BUILD_WATCHER_WORKERS: "8" });
  await world.analysis.waitFor(({ submissions }) => submissions.length >= 1);
  const start = performance.now();
  await world.analysis.waitFor(({ submissions }) => submissions.length >= n);
  console.log("follow", follow, Math.round(n / ((performance.now() - start) / 1000)), "jobs/s");
  expect(1).toBe(1);
  void bot;
}, 120000);
