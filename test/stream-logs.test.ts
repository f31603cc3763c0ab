import { describe, expect, it } from "vitest";
import { streamsAtOnce } from "../src/pipeline/builds/stream-logs.ts";
import { createWorld, type World } from "./support/bot.ts";
import { aBuild } from "./support/fixtures.ts";

const namespace = "golang-builder";

type Line = Readonly<Record<string, unknown>>;

function put({ cluster }: World, name: string, phase: string, platform?: string): void {
  cluster.put("builds", aBuild({ name, namespace, phase, ...(platform && { labels: { platform } }) }));
}

/** The lines of builds' logs among the bot's own. */
function told(lines: readonly Line[]): string[] {
  return lines
    .filter(({ source }) => source === "build-log")
    .map(({ build, platform = "-", msg }) => `${build} ${platform} ${msg}`);
}

describe("watch --stream-logs", () => {
  it("writes the lines of running builds into the bot's log, each with its build and platform", async () => {
    await using world = await createWorld();
    put(world, "orchestrator-1", "Running");
    world.cluster.setBuildLog(namespace, "orchestrator-1", "starting workers\n");
    const bot = world.bot(["--stream-logs"]);
    await bot.logged(({ msg }) => msg === "starting workers");
    put(world, "worker-1", "Running", "x86_64");
    world.cluster.setBuildLog(namespace, "worker-1", "STEP 1\nSTE");
    await bot.logged(({ msg }) => msg === "STEP 1");
    world.cluster.setBuildLog(namespace, "orchestrator-1", "starting workers\nwaiting\n");
    await bot.logged(({ msg }) => msg === "waiting");
    world.cluster.setBuildLog(namespace, "worker-1", "STEP 1\nSTEP 2\nend");
    put(world, "worker-1", "Complete", "x86_64");
    await bot.logged(({ msg }) => msg === "end");
    await bot.logged(({ msg, subject }) => msg === "Job done" && subject === `${namespace}/worker-1`);
    expect(await bot.stop()).toBe(0);
    expect(told(bot.lines)).toEqual([
      `${namespace}/orchestrator-1 - starting workers`,
      `${namespace}/worker-1 x86_64 STEP 1`,
      `${namespace}/orchestrator-1 - waiting`,
      `${namespace}/worker-1 x86_64 STEP 2`,
      `${namespace}/worker-1 x86_64 end`,
    ]);
  });

  it("is for grep in plain lines: the tag stands before the text", async () => {
    await using world = await createWorld();
    put(world, "worker-1", "Running", "x86_64");
    world.cluster.setBuildLog(namespace, "worker-1", "STEP 1\n");
    const bot = world.bot([], { BUILD_WATCHER_STREAM_LOGS: "1", THOTH_LOGGING_NO_JSON: "1" });
    await expect.poll(bot.stdout).toMatch(/^\[?\d\d:\d\d:\d\d\]? INFO: golang-builder\/worker-1 x86_64 \| STEP 1$/m);
    await bot.stop();
  });

  it("shows nothing that moves a cursor, and cuts endless lines", async () => {
    await using world = await createWorld();
    put(world, "app-1", "Running");
    world.cluster.setBuildLog(
      namespace,
      "app-1",
      `10 %\r20 %\r\n\n\u001b[31mred\u001b[0m \u001b]0;title\u0007\b{"level":"fatal"}\n${"x".repeat(40_000)}\nlast\n`,
    );
    const bot = world.bot(["--stream-logs"]);
    await bot.logged(({ msg }) => msg === "last");
    const texts = bot.lines.filter(({ source }) => source === "build-log").map(({ msg }) => String(msg));
    expect(texts.slice(0, 3)).toEqual(["10 %", "20 %", 'red {"level":"fatal"}']);
    expect(texts.slice(3, -1).map((text) => text.length)).toEqual([16_384, 16_384, 7_232]);
  });

  it("goes on where it was when a connection breaks, and leaves the watch alone", async () => {
    await using world = await createWorld();
    put(world, "app-1", "Running");
    world.cluster.setBuildLog(namespace, "app-1", "one\n");
    const bot = world.bot(["--stream-logs"]);
    await bot.logged(({ msg }) => msg === "one");
    world.cluster.closeLogs("reset");
    world.cluster.setBuildLog(namespace, "app-1", "one\ntwo\n");
    put(world, "other-1", "Complete");
    await bot.logged(({ msg, subject }) => msg === "Job done" && subject === `${namespace}/other-1`);
    await bot.logged(({ msg }) => msg === "two");
    expect(told(bot.lines).filter((line) => line.startsWith(`${namespace}/app-1`))).toHaveLength(2);
    expect(await bot.stop()).toBe(0);
  });

  it("streams so many logs at once; others wait for a place", async () => {
    await using world = await createWorld();
    const names = Array.from({ length: streamsAtOnce + 2 }, (_, index) => `app-${index + 1}`);
    for (const name of names) {
      put(world, name, "Running");
      world.cluster.setBuildLog(namespace, name, `log of ${name}\n`);
    }
    const bot = world.bot(["--stream-logs"]);
    await bot.logged(({ msg }) => String(msg).startsWith(`The logs of ${streamsAtOnce} builds are streamed`));
    await world.cluster.waitFor(({ openLogs }) => openLogs === streamsAtOnce);
    await expect.poll(() => told(bot.lines).length).toBe(streamsAtOnce);
    const shown = told(bot.lines).map((line) => /log of (\S+)/.exec(line)?.[1]);
    const [first = ""] = shown;
    put(world, first, "Complete");
    await expect.poll(() => told(bot.lines).length).toBe(streamsAtOnce + 1);
    expect(world.cluster.openLogs).toBe(streamsAtOnce);
    expect(await bot.stop()).toBe(0);
  });

  it("says once what it may not read", async () => {
    const rules = [{ verbs: ["list", "watch"], apiGroups: ["*"], resources: ["builds"] }];
    await using world = await createWorld({ token: "t", tokens: { t: "dev" }, rules });
    put(world, "app-1", "Running");
    const bot = world.bot(["--stream-logs"]);
    const line = await bot.logged(({ msg }) => msg === "A build's log cannot be streamed");
    expect(line.error).toContain("dev cannot get builds/log");
  });

  it("is off by default", async () => {
    await using world = await createWorld();
    put(world, "app-1", "Running");
    const bot = world.bot();
    put(world, "other-1", "Complete");
    await bot.logged(({ msg }) => msg === "Job done");
    await bot.stop();
    expect(world.cluster.requests.filter(({ query }) => "follow" in query)).toEqual([]);
  });
});
