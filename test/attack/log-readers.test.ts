import { expect, it, onTestFinished } from "vitest";
import { createWorld } from "../support/bot.ts";
import { completedBuild } from "../support/submissions.ts";

/** Logs that the page reads at once. */
const atOnce = 4;

it("however many ask for build logs on the page, the API server is asked for a few at a time", async () => {
  await using world = await createWorld();
  world.cluster.put("builds", completedBuild("app"));
  const bot = world.bot([], { BUILD_WATCHER_SERVER: "1", PORT: "0", THOTH_BUILD_ANALYSIS_NO_BUILD_LOG: "1" });
  const { url } = await bot.logged((line) => line.url !== undefined);
  const { job } = await bot.logged(({ msg }) => msg === "Job done");
  world.cluster.fail("log", "hang", Number.POSITIVE_INFINITY);
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  for (let reader = 0; reader < 3 * atOnce; reader += 1)
    fetch(`${url}/jobs/${job}?log=1`, { signal: leave.signal }).catch(() => undefined);
  const asked = () => world.cluster.requests.filter(({ resource }) => resource === "builds/log").length;
  await expect.poll(asked).toBe(atOnce);
  for (let later = 0; later < 5; later += 1) expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect(asked()).toBe(atOnce);
});
