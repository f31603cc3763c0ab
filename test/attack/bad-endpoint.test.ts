import { describe, expect, it } from "vitest";
import type { AnalysisFault } from "../../src/demo/analysis-api.ts";
import { jobStates } from "../../src/queue/job-queue.ts";
import { type Bot, createWorld, type World } from "../support/bot.ts";
import { idleClock } from "../support/idle-clock.ts";
import { buildOf, completedBuild, namespace, putLoneImages, submissionsByBuild } from "../support/submissions.ts";

const clock = idleClock();

const faults: readonly (() => AnalysisFault)[] = [
  () => "html-500",
  () => ({ status: 502 }),
  () => ({ status: 503, body: "upstream connect error" }),
  () => ({ status: 429, headers: { "retry-after": "3" } }),
  () => ({ status: 429, headers: { "retry-after": new Date(clock.now() + 5_000).toUTCString() } }),
  () => "reset",
  () => "reset-body",
  () => "hang",
  () => "not-json",
  () => "no-id",
  () => "redirect",
  () => "huge",
];

describe("an endpoint on which a third of all calls fail, in every way there is", () => {
  it("gets every build exactly once in the end, and no job fails", async () => {
    await using world = await createWorld();
    const happened = new Set<number>();
    world.analysis.faults((number) => {
      if (number % 3 !== 0) return undefined;
      const kind = (number / 3) % faults.length;
      happened.add(kind);
      return faults[kind]?.();
    });
    const names = Array.from({ length: 48 }, (_, index) => `app-${index}`);
    for (const name of names) world.cluster.put("builds", completedBuild(name));
    const bot = world.bot(["--workers-count", "8"], {}, clock);
    await world.analysis.waitFor((analysis) => submissionsByBuild(analysis).size === names.length);
    await bot.stop();
    expect(happened.size).toBe(faults.length);
    expect(new Set(submissionsByBuild(world.analysis).values())).toEqual(new Set([1]));
    expect(await countsOf(world)).toBe("0 waiting, 0 running, 48 done, 0 failed, 0 dismissed");
  });
});

describe("an endpoint that refuses an image for good", () => {
  it.each([400, 403, 404, 413])("with %i fails that job, says so, and gets all the others", async (status) => {
    await using world = await createWorld();
    world.analysis.faults((_, request) =>
      buildOf(request) === "bad" ? { status, body: { error: "this one I do not want" } } : undefined,
    );
    for (const name of ["bad", "good-1", "good-2"]) world.cluster.put("builds", completedBuild(name));
    const bot = world.bot();
    const line = await bot.logged(({ level, subject }) => level === "error" && subject === `${namespace}/bad-1`);
    await world.analysis.waitFor((analysis) => submissionsByBuild(analysis).size === 2);
    await bot.stop();
    expect(line).toMatchObject({
      msg: "Job failed",
      reason: "AnalyzerRejected",
      error: expect.stringContaining("I do not want"),
    });
    const jobs = world.bot(["jobs", "--state", "failed", "--details"]);
    expect(await jobs.exit).toBe(0);
    expect(jobs.stdout()).toMatch(
      new RegExp(`0 waiting, 0 running, .*\\b1 failed.*[^]*\\nfailed +${namespace}/bad-1[^]*answered ${status}: this one`),
    );
  });
});

describe("an endpoint that fails on one image every time", () => {
  it.each<readonly [string, AnalysisFault]>([
    ["503", { status: 503 }],
    ["504", { status: 504 }],
    ["429", { status: 429, headers: { "retry-after": "1" } }],
    ["500", "html-500"],
    ["a reset", "reset"],
    ["no JSON", "not-json"],
  ])("with %s gets all the others while that one is still tried, live and from before", async (_name, fault) => {
    await using world = await createWorld();
    world.analysis.faults((_number, request) => (buildOf(request).startsWith("poison") ? fault : undefined));
    const bot = world.bot(["--analyze-existing"], {}, clock);
    for (const number of [1, 2, 3]) world.cluster.put("builds", completedBuild(`poison-${number}`));
    await bot.logged(({ msg }) => msg === "Attempt failed; the job will be retried");
    putLoneImages(world.cluster, 12);
    const restarted = await restart(world, bot);
    for (let number = 0; number < 12; number += 1) world.cluster.put("builds", completedBuild(`app-${number}`));
    await world.analysis.waitFor((analysis) => submissionsByBuild(analysis).size === 24);
    await restarted.stop();
    expect(await countsOf(world)).toBe("3 waiting, 0 running, 24 done, 0 failed, 0 dismissed");
  });
});

async function restart(world: World, bot: Bot): Promise<Bot> {
  await bot.stop();
  return world.bot(["--analyze-existing"], {}, clock);
}

/** The jobs in each state, as `build-watcher jobs` lists them. */
async function countsOf(world: World): Promise<string> {
  const jobs = world.bot(["jobs", "--json"]);
  await jobs.exit;
  const states = jobs
    .stdout()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).state);
  return jobStates.map((state) => `${states.filter((one) => one === state).length} ${state}`).join(", ");
}
