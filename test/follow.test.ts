import { describe, expect, it } from "vitest";
import { openEmbeddedQueue } from "../src/queue/index.ts";
import type { JobRecord } from "../src/queue/job-queue.ts";
import { createWorld, type World } from "./support/bot.ts";
import { startBotProcess } from "./support/bot-process.ts";
import { idleClock } from "./support/idle-clock.ts";
import { completedBuild } from "./support/submissions.ts";

type Line = Readonly<Record<string, unknown>>;

const saying = (message: string) => (line: Line) => line.msg === message;

const allOf = (state: string) => ["output", "base", "build-log"].map((of) => `${of} ${state}`);

/** What the ledger remembers of the one job there is. */
async function recordIn({ stateDirectory }: World): Promise<JobRecord | undefined> {
  const settings = { directory: stateDirectory, workers: 1, jobTimeout: 1, giveUpAfter: 1, exclusive: false };
  const queue = openEmbeddedQueue(settings);
  const [record] = await queue.recent(1);
  await queue.close();
  return record;
}

async function statesIn(world: World): Promise<(string | undefined)[] | undefined> {
  return (await recordIn(world))?.result?.analyses.map(({ of, state }) => `${of} ${state}`);
}

describe("a submitted analysis", () => {
  it("is asked after until it ended, and its end is kept, logged and measured", async () => {
    await using world = await createWorld({ states: ["pending", "running", "running", "success"] });
    const bot = world.bot([], { BUILD_WATCHER_SERVER: "1", PORT: "0" }, idleClock());
    const { url } = await bot.logged(({ url }) => url !== undefined);
    world.cluster.put("builds", completedBuild("app"));
    await expect.poll(() => bot.lines.filter(saying("Analysis succeeded")).length).toBe(3);
    expect(await statesIn(world)).toEqual(allOf("succeeded"));
    const { submittedAt = 0, analyses } = (await recordIn(world))?.result ?? {};
    expect(submittedAt).toBeGreaterThan(0);
    expect(analyses?.every(({ endedAt }) => endedAt !== undefined)).toBe(true);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('build_watcher_analysis_duration_seconds_count{adapter="thoth",outcome="succeeded"} 3');
    expect(metrics).toContain('build_watcher_jobs_finished_total{kind="follow",analyzer="thoth",outcome="done"} 3');
    expect(metrics).toMatch(/build_watcher_http_request_duration_seconds_count\{adapter="thoth",method="GET",code="200"\} \d/);
  });

  it("that failed is told with its reason", async () => {
    await using world = await createWorld({ states: ["error"] });
    const bot = world.bot();
    world.cluster.put("builds", completedBuild("app"));
    const line = await bot.logged(saying("Analysis failed"));
    expect(line).toMatchObject({ level: "warn", subject: "golang-builder/app-1" });
    expect(String(line.notes)).toMatch(/The analysis \S+ failed: it ended as error/);
  });

  it("is not asked after where that is switched off", async () => {
    await using world = await createWorld({ states: ["success"] });
    const bot = world.bot([], { BUILD_WATCHER_FOLLOW: "0" });
    world.cluster.put("builds", completedBuild("app"));
    await bot.logged(saying("Job done"));
    await bot.stop();
    expect(await statesIn(world)).toEqual(allOf("undefined"));
  });

  it("does not hold a worker: others are submitted while it runs", async () => {
    await using world = await createWorld({ states: ["running"] });
    const bot = world.bot(["--workers-count", "1"]);
    for (const name of ["app-1", "app-2", "app-3", "app-4"]) world.cluster.put("builds", completedBuild(name));
    await world.analysis.waitFor(({ submissions }) => submissions.length === 4);
    await bot.stop();
    expect(bot.lines.filter(saying("Analysis succeeded"))).toEqual([]);
  });

  it("is followed by the next bot when this one is killed", async () => {
    await using world = await createWorld({ states: ["running", "success"] });
    world.cluster.put("builds", completedBuild("app"));
    await using first = startBotProcess(world.environment);
    await first.logged(saying("Job done"));
    expect(await first.kill("SIGKILL")).toMatchObject({ signal: "SIGKILL" });
    expect(await statesIn(world)).not.toEqual(allOf("succeeded"));
    const second = world.bot();
    await expect.poll(() => second.lines.filter(saying("Analysis succeeded")).length).toBe(3);
    expect(await statesIn(world)).toEqual(allOf("succeeded"));
    expect(world.analysis.submissions).toHaveLength(1);
    expect(await second.stop()).toBe(0);
  });
});
