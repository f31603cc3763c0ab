import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Bot, createWorld, type World } from "../support/bot.ts";

const serving = { BUILD_WATCHER_SERVER: "1", PORT: "0" };

/** A bot that answers probes, and how it answers them. */
async function probedBot(world: World, environment: Readonly<Record<string, string>> = {}) {
  const bot = world.bot([], { ...serving, ...environment });
  const { url } = await bot.logged(({ msg }) => String(msg).startsWith("The page is at"));
  const ask = async (path: string) => {
    const answer = await fetch(`${url}${path}`);
    return `${answer.status} ${(await answer.text()).trim()}`;
  };
  return { bot, ask };
}

function listed(bot: Bot): Promise<unknown> {
  return bot.logged(({ msg }) => msg === "Builds listed; watching");
}

describe("a working bot", () => {
  it("is alive at once, and ready when it has listed the builds", async () => {
    await using world = await createWorld();
    world.cluster.fail("list", "hang");
    const { bot, ask } = await probedBot(world);
    expect(await ask("/livez")).toBe("200 ok");
    expect(await ask("/readyz")).toBe("503 Builds of golang-builder: not listed yet");
    await world.cluster.waitFor(({ requests }) => requests.length > 0);
    await bot.stop();
    const second = await probedBot(world);
    await listed(second.bot);
    await expect.poll(() => second.ask("/readyz")).toBe("200 ok");
  });

  it("is alive but not ready where it lacks a right, and says which", async () => {
    await using world = await createWorld({ rules: [] });
    const { bot, ask } = await probedBot(world);
    await bot.logged(({ reason }) => reason === "Forbidden");
    expect(await ask("/livez")).toBe("200 ok");
    expect(await ask("/readyz")).toMatch(/^503 Builds of golang-builder: .* cannot list builds in namespace golang-builder/);
  });

  it("is ready while the analysis endpoint is down or hangs", async () => {
    await using world = await createWorld();
    world.analysis.fail("hang", Number.POSITIVE_INFINITY, "discovery");
    const { bot, ask } = await probedBot(world);
    await listed(bot);
    await expect.poll(() => ask("/readyz")).toBe("200 ok");
  });

  it("answers no more once it has stopped", async () => {
    await using world = await createWorld();
    const { bot, ask } = await probedBot(world);
    expect(await bot.stop()).toBe(0);
    await expect(ask("/livez")).rejects.toThrow("fetch failed");
  });

  it("ends with exit code 1 and the setting's name when its port is taken", async () => {
    await using world = await createWorld();
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once("listening", resolve));
    const bot = world.bot([], { ...serving, PORT: String((other.address() as AddressInfo).port) });
    expect(await bot.exit).toBe(1);
    expect(bot.lines.at(-1)).toMatchObject({ level: "fatal", msg: expect.stringContaining("--port (PORT)") });
  });

  it("opens no port where the server is switched off", async () => {
    await using world = await createWorld();
    const bot = world.bot([], { ...serving, BUILD_WATCHER_SERVER: "0" });
    await listed(bot);
    expect(bot.lines.filter(({ msg }) => String(msg).includes("probes"))).toEqual([]);
  });
});
