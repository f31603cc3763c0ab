import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { createWorld, type World } from "./support/bot.ts";
import { startBotProcess } from "./support/bot-process.ts";
import { startReceiver } from "./support/receiver-server.ts";
import { completedBuild, imageOf } from "./support/submissions.ts";

const secret = `whsec_${randomBytes(32).toString("base64")}`;
const submitted = "job.submitted";
const finished = "analysis.finished";

/** Everything that lies in the state directory, as text. */
function stateOf({ stateDirectory }: World): string {
  const entries = readdirSync(stateDirectory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")).join();
}

describe("notifications", () => {
  it("tell every receiver of submitted and failed jobs and of ended analyses, signed", async () => {
    await using world = await createWorld({ states: ["success"] });
    const receivers = [await startReceiver(), await startReceiver()];
    const urls = receivers.map(({ url }) => `${url}/T0K3N`).join(",");
    const bot = world.bot([], { BUILD_WATCHER_NOTIFY_URL: urls, BUILD_WATCHER_NOTIFY_SECRET: secret });
    world.cluster.put("builds", completedBuild("app"));
    world.analysis.faults((_, request) =>
      imageOf(request).includes("/bad") ? { status: 400, body: { error: "no" } } : undefined,
    );
    world.cluster.put("builds", completedBuild("bad"));
    for (const { received, types } of receivers) {
      await expect.poll(() => types().toSorted()).toEqual([finished, finished, finished, "job.failed", submitted]);
      for (const { body, headers } of received) new Webhook(secret).verify(body, headers as Record<string, string>);
      expect(new Set(received.map(({ event }) => event.id)).size).toBe(5);
    }
    await bot.stop();
    expect(bot.stdout()).not.toMatch(/T0K3N|whsec_/);
    expect(stateOf(world)).not.toMatch(/T0K3N|whsec_/);
  });

  it("do not delay jobs while a receiver is down, and come when it is back", async () => {
    await using world = await createWorld({ states: ["running"] });
    let isUp = false;
    const receiver = await startReceiver(() => ({ status: isUp ? 200 : 503, headers: { "retry-after": "1" } }));
    const bot = world.bot([], { BUILD_WATCHER_NOTIFY_URL: receiver.url });
    for (const name of ["app-1", "app-2", "app-3"]) world.cluster.put("builds", completedBuild(name));
    await world.analysis.waitFor(({ submissions }) => submissions.length === 3);
    await bot.logged(({ msg }) => String(msg).startsWith("A receiver does not accept notifications"));
    const refused = receiver.received.length;
    isUp = true;
    const accepted = () => new Set(receiver.received.slice(refused).map(({ event }) => event.id));
    await expect.poll(() => accepted().size).toBe(3);
  });

  it("survive kill -9 of the bot, whether they were waiting or not yet written", async () => {
    await using world = await createWorld({ states: ["running"] });
    let isUp = false;
    const receiver = await startReceiver(() => ({ status: isUp ? 200 : 503 }));
    const environment = { ...world.environment, BUILD_WATCHER_NOTIFY_URL: receiver.url };
    await using first = startBotProcess(environment);
    await first.logged(({ msg }) => msg === "Builds listed; watching");
    const names = Array.from({ length: 20 }, (_, number) => `app-${number}`);
    for (const name of names) world.cluster.put("builds", completedBuild(name));
    await first.logged(({ msg }) => msg === "Job done");
    await first.kill("SIGKILL");
    isUp = true;
    const refused = receiver.received.length;
    const second = world.bot([], { BUILD_WATCHER_NOTIFY_URL: receiver.url });
    const subjects = () => new Set(receiver.received.slice(refused).map(({ event }) => String(event.source)));
    await expect.poll(() => subjects().size).toBe(20);
    expect(await second.stop()).toBe(0);
  });

  it("are not sent for what happened before they were switched on", async () => {
    await using world = await createWorld({ states: ["running"] });
    const before = world.bot();
    world.cluster.put("builds", completedBuild("old"));
    await before.logged(({ msg }) => msg === "Job done");
    await before.stop();
    const receiver = await startReceiver();
    const bot = world.bot([], { BUILD_WATCHER_NOTIFY_URL: receiver.url, BUILD_WATCHER_FOLLOW: "0" });
    world.cluster.put("builds", completedBuild("new"));
    await expect.poll(receiver.types).toEqual([submitted]);
    expect(receiver.received[0]?.event.source).toBe("/namespaces/golang-builder/builds/new-1");
    await bot.stop();
  });
});
