import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../support/bot.ts";
import { type BotProcess, startBotProcess } from "../support/bot-process.ts";
import { completedBuild, submissionsByBuild } from "../support/submissions.ts";

const settings = { BUILD_WATCHER_SHUTDOWN_GRACE: "1s" };

/** A module that lets the bot meet a fault nobody foresaw when it gets SIGUSR2. */
function onSignal(fault: string): readonly string[] {
  return ["--import", `data:text/javascript,process.once("SIGUSR2", () => { ${fault} })`];
}

async function watching(bot: Pick<BotProcess, "logged">): Promise<void> {
  await bot.logged(({ msg }) => msg === "Builds listed; watching");
}

describe("a bot whose ledger disappears", () => {
  it.each<readonly [string, (directory: string) => void]>([
    ["it is deleted", (directory) => rmSync(join(directory, "ledger.db"))],
    ["the one of followed analyses is deleted", (directory) => rmSync(join(directory, "follow", "ledger.db"))],
    ["the one of notifications is deleted", (directory) => rmSync(join(directory, "notify", "ledger.db"))],
    ["it is moved away with its directory", (directory) => renameSync(directory, `${directory}-moved`)],
    ["it is replaced by another file", (directory) => renameSync(join(directory, "bot.lock"), join(directory, "ledger.db"))],
  ])("because %s ends though it has nothing to do, with a reason", async (_name, act) => {
    await using world = await createWorld();
    const everything = { BUILD_WATCHER_FOLLOW: "1", BUILD_WATCHER_NOTIFY_URL: "https://receiver.example.com/" };
    const bot = world.bot([], { ...settings, ...everything });
    await watching(bot);
    act(world.stateDirectory);
    expect(await bot.exit).toBe(1);
    expect(bot.lines.at(-1)).toMatchObject({ level: "fatal", reason: "LedgerError", msg: expect.stringContaining("ledger.db") });
    expect(bot.stderr()).toBe("");
    rmSync(`${world.stateDirectory}-moved`, { recursive: true, force: true });
  });
});

describe("a bot whose disk is full", () => {
  it("ends with a reason, and goes on with everything once there is space", async () => {
    await using world = await createWorld();
    const names = await completeUntilEnd(world);
    const bot = world.bot();
    await world.analysis.waitFor((analysis) => submissionsByBuild(analysis).size === names.length);
    expect(await bot.stop()).toBe(0);
    const repeated = [...submissionsByBuild(world.analysis).values()].filter((count) => count > 1);
    expect(repeated.length, "more than ran at the end").toBeLessThanOrEqual(1);
  });
});

/** Lets builds complete while a bot works whose files may not grow beyond 512 KiB, until it ends. */
async function completeUntilEnd({ cluster, environment }: World): Promise<readonly string[]> {
  await using bot = startBotProcess({ ...environment, ...settings }, { limits: "ulimit -f 1024" });
  const names: string[] = [];
  let ended = false;
  void bot.exited.then(() => {
    ended = true;
  });
  while (!ended && names.length < 1_000) {
    const name = `app-${names.length}`;
    names.push(name);
    cluster.put("builds", completedBuild(name));
    await Promise.race([
      bot.exited,
      bot.logged(({ msg, subject }) => msg === "Build taken in" && String(subject).endsWith(`/${name}-1`)).catch(() => undefined),
    ]);
  }
  expect(await bot.exited).toEqual({ code: 1, signal: null });
  expect(bot.lines.at(-1)).toMatchObject({
    level: "fatal",
    reason: "LedgerError",
    msg: expect.stringContaining("BUILD_WATCHER_STATE_DIR"),
  });
  return names;
}

describe("a fault nobody foresaw", () => {
  it.each([
    ["an exception that is nothing", "throw undefined"],
    ["a rejection whose error throws when it is looked at", `Promise.reject(new Proxy({}, { get() { throw new Error("no") } }))`],
  ])("is logged and ends the bot: %s", async (_name, fault) => {
    await using world = await createWorld();
    await using bot = startBotProcess(world.environment, { nodeFlags: onSignal(fault) });
    await watching(bot);
    expect(await bot.kill("SIGUSR2")).toEqual({ code: 1, signal: null });
    expect(bot.lines.at(-1), bot.stderr()).toMatchObject({ level: "fatal", msg: expect.stringContaining("unexpected error") });
  });
});

describe("a bot whose log nobody reads any more", () => {
  it("ends as a program does that writes to a closed pipe", async () => {
    await using world = await createWorld();
    await using bot = startBotProcess(world.environment);
    await watching(bot);
    bot.stopReading();
    world.cluster.put("builds", completedBuild("app"));
    expect(await bot.exited).toEqual({ code: 141, signal: null });
  });
});
