import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Bot, createWorld, type World } from "../support/bot.ts";
import { type LogLine, startBotProcess } from "../support/bot-process.ts";
import { completedBuild, namespace } from "../support/submissions.ts";

const signals = ["SIGTERM", "SIGINT"] as const;

function stopping({ msg }: LogLine): boolean {
  return String(msg).startsWith("Stopping");
}

/** Ways in which a job can run on and on. */
const endlessJobs: readonly Situation[] = [
  {
    name: "the endpoint that does not answer",
    arrange: ({ analysis }) => analysis.fail("hang"),
    reached: ({ analysis }) => analysis.waitFor(({ received }) => received === 1),
  },
  {
    name: "a log that does not end",
    arrange: ({ cluster }) => cluster.setBuildLog(namespace, "app-1", { endless: true }),
    reached: ({ cluster }) => cluster.waitFor(asked("builds/log", "get")),
  },
  {
    name: "a log that does not begin",
    arrange: ({ cluster }) => cluster.fail("log", "hang"),
    reached: ({ cluster }) => cluster.waitFor(asked("builds/log", "get")),
  },
];

/** Milliseconds in which two signals are one wish, and some more. */
const anotherWish = 400;

interface Situation {
  readonly name: string;
  readonly argv?: readonly string[];
  /** What the bot meets. */
  readonly arrange: (world: World) => void;
  /** Resolves when the bot is in the middle of it. */
  readonly reached: (world: World, bot: Bot) => Promise<unknown>;
}

const asked = (resource: string, verb: string) => (api: World["cluster"]) =>
  api.requests.some((request) => request.resource === resource && request.verb === verb);

/** Nothing runs in any of them, so that the grace, which is longer than a test may take, is not needed. */
const situations: readonly Situation[] = [
  {
    name: "while a list is not answered",
    arrange: ({ cluster }) => cluster.fail("list", "hang"),
    reached: ({ cluster }) => cluster.waitFor(asked("builds", "list")),
  },
  {
    name: "in the middle of a list that does not end",
    arrange: ({ cluster }) => cluster.fail("list", "hang-body"),
    reached: ({ cluster }) => cluster.waitFor(asked("builds", "list")),
  },
  {
    name: "while a watch is not answered",
    arrange: ({ cluster }) => cluster.fail("watch", "hang"),
    reached: ({ cluster }) => cluster.waitFor(asked("builds", "watch")),
  },
  {
    name: "while the startup pass waits for image streams",
    argv: ["--analyze-existing"],
    arrange({ cluster }) {
      cluster.fail("list", { status: 200, body: { kind: "BuildList", metadata: { resourceVersion: "500" }, items: [] } });
      cluster.fail("list", "hang");
    },
    reached: ({ cluster }) => cluster.waitFor(asked("imagestreams", "list")),
  },
  {
    name: "while the startup pass waits for a list of builds that never comes",
    argv: ["--analyze-existing"],
    arrange: ({ cluster }) => cluster.fail("list", "hang"),
    reached: ({ cluster }) => cluster.waitFor(asked("builds", "list")),
  },
  {
    name: "while the cluster is down and the next attempt far away",
    arrange: ({ cluster }) => cluster.fail("any", { status: 503, headers: { "retry-after": "300" } }, Number.POSITIVE_INFINITY),
    reached: (_world, bot) => bot.logged(({ level, retrySeconds }) => level === "warn" && Number(retrySeconds) >= 300),
  },
  {
    name: "while the endpoint does not answer whether it is there",
    arrange: ({ analysis }) => analysis.fail("hang", 1, "discovery"),
    reached: (_world, bot) => bot.logged(({ msg }) => msg === "Builds listed; watching"),
  },
  {
    name: "while the endpoint is down and jobs wait for it",
    arrange({ analysis, cluster }) {
      analysis.faults(() => ({ status: 503, headers: { "retry-after": "3600" } }));
      for (let number = 0; number < 5; number += 1) cluster.put("builds", completedBuild(`app-${number}`));
    },
    reached: (_world, bot) => bot.logged(({ msg }) => msg === "Attempt failed; the job will be retried"),
  },
];

describe("a wish to stop", () => {
  it.each(situations)("ends the bot with 0 at once $name", async ({ argv = [], arrange, reached }) => {
    await using world = await createWorld();
    arrange(world);
    const bot = world.bot(argv, { BUILD_WATCHER_SHUTDOWN_GRACE: "1h" });
    await reached(world, bot);
    expect(await bot.stop()).toBe(0);
    expect(bot.lines.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
    expect(bot.stderr()).toBe("");
  });

  it.each(endlessJobs)("interrupts $name after the grace, and nothing counts against the job", async ({ arrange, reached }) => {
    await using world = await createWorld();
    world.cluster.put("builds", completedBuild("app"));
    arrange(world);
    const bot = world.bot([], { BUILD_WATCHER_SHUTDOWN_GRACE: "1s" });
    await reached(world, bot);
    expect(await bot.stop()).toBe(0);
    expect(bot.lines.at(-2)).toMatchObject({ level: "info", msg: "Job interrupted; it runs again next time" });
    const [record] = await jobsOf(world);
    expect(record).toMatchObject({ state: "waiting", attempts: 1 });
    expect(record).not.toHaveProperty("error");
    world.cluster.remove("builds", namespace, "app-1");
    await world.bot().logged(({ msg }) => msg === "Job done");
  });
});

describe.each(signals)("%s", (signal) => {
  it("lets a running job end, and starts no other", async () => {
    await using world = await createWorld({ latency: () => 4_000 });
    for (const name of ["first", "second"]) world.cluster.put("builds", completedBuild(name));
    await using bot = startBotProcess({ ...world.environment, BUILD_WATCHER_SHUTDOWN_GRACE: "1h" });
    await world.analysis.waitFor(({ received }) => received === 1);
    await expect.poll(() => bot.lines.filter(({ msg }) => msg === "Build taken in").length).toBe(2);
    expect(await bot.kill(signal)).toEqual({ code: 0, signal: null });
    expect(bot.lines.filter(({ msg }) => msg === "Job done")).toHaveLength(1);
    expect(world.analysis.received).toBe(1);
    expect(await statesOf(world)).toEqual(["done", "waiting"]);
  });

  it("ends the bot at once when it comes again", async () => {
    await using world = await createWorld();
    world.analysis.fail("hang");
    await using bot = startBotProcess({ ...world.environment, BUILD_WATCHER_SHUTDOWN_GRACE: "1h" });
    world.cluster.put("builds", completedBuild("app"));
    await world.analysis.waitFor(({ received }) => received === 1);
    // A terminal and npm can both deliver one Ctrl-C.
    void bot.kill(signal);
    void bot.kill(signal);
    await bot.logged(stopping);
    await pause(anotherWish);
    expect(bot.lines.at(-1)).toSatisfy(stopping);
    expect(await bot.kill(signal)).toEqual({ code: signal === "SIGINT" ? 130 : 143, signal: null });
    expect(await statesOf(world)).toEqual(["running"]);
    await world.bot().logged(({ msg }) => msg === "Job done");
  });
});

async function jobsOf(world: World): Promise<readonly LogLine[]> {
  const jobs = world.bot(["jobs", "--json"]);
  await jobs.exit;
  return jobs.lines;
}

async function statesOf(world: World): Promise<readonly unknown[]> {
  return (await jobsOf(world)).map(({ state }) => state).sort();
}
