import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createWorld, type World } from "./support/bot.ts";
import { describePostgres, sharedPostgres, startPostgres } from "./support/postgres.ts";
import { startReceiver } from "./support/receiver-server.ts";
import { completedBuild } from "./support/submissions.ts";

/** What a replica of its own is started with: a database that all share, a directory and a page that it has alone. */
async function replica(url: string): Promise<Record<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), "build-watcher-replica-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return { BUILD_WATCHER_DATABASE_URL: url, BUILD_WATCHER_STATE_DIR: directory, BUILD_WATCHER_SERVER: "1", PORT: "0" };
}

async function startReplicas(world: World, url: string, count: number, more: Record<string, string> = {}) {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const bot = world.bot([], { ...(await replica(url)), ...more });
      const listening = await bot.logged((line) => line.url !== undefined);
      await bot.logged(({ msg }) => msg === "Builds listed; watching");
      const status = async () => (await (await fetch(`${listening.url}/api/status`)).json()) as StatusOfAll;
      return { bot, url: String(listening.url), status };
    }),
  );
}

interface StatusOfAll {
  readonly jobs: Readonly<Record<string, number>>;
  readonly replicas: readonly { readonly name: string; readonly isSelf: boolean }[];
}

describePostgres("several bots on one database", () => {
  it("submit each build once, tell of each once, and each shows all of it and of the others", async () => {
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    await using world = await createWorld({ states: ["running"] });
    const receiver = await startReceiver();
    const bots = await startReplicas(world, database.url, 3, { BUILD_WATCHER_NOTIFY_URL: receiver.url });
    const builds = Array.from({ length: 12 }, (_, number) => `app-${number}`);
    for (const name of builds) world.cluster.put("builds", completedBuild(name));
    await expect.poll(async () => (await bots[0]?.status())?.jobs.done).toBe(builds.length);
    await expect.poll(() => receiver.received.length).toBe(builds.length);
    const keys = world.analysis.submissions.map((submission) => JSON.stringify(submission));
    expect(new Set(keys).size).toBe(keys.length);
    for (const { status } of bots) {
      const { jobs, replicas } = await status();
      expect(jobs.done).toBe(builds.length);
      expect(replicas).toHaveLength(3);
      expect(replicas.filter(({ isSelf }) => isSelf)).toHaveLength(1);
    }
    const page = await (await fetch(`${bots[2]?.url}/`)).text();
    for (const name of builds) expect(page).toContain(name);
    for (const { bot } of bots) expect(await bot.stop()).toBe(0);
    expect(new Set(receiver.received.map(({ event }) => event.id)).size).toBe(receiver.received.length);
  });

  it("make the startup pass once, though every image is to be submitted again", async () => {
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    await using world = await createWorld();
    const more = { THOTH_ANALYZE_EXISTING: "1", THOTH_BUILD_ANALYSIS_FORCE: "1" };
    const bots = await startReplicas(world, database.url, 2, more);
    const passes = () =>
      bots.map(({ bot }) => bot.lines.map(({ msg }) => String(msg)).find((msg) => /image streams|pass over/i.test(msg)));
    await expect.poll(() => passes().every(Boolean)).toBe(true);
    expect(passes().filter((msg) => msg?.startsWith("Another replica"))).toHaveLength(1);
  });

  it("go on by themselves after the database was away, and lose no build of that time", async () => {
    const server = await startPostgres();
    onTestFinished(() => server.close());
    const database = await server.createDatabase();
    await using world = await createWorld();
    const [bot] = await startReplicas(world, database.url, 1);
    if (!bot) throw new Error("There is no bot");
    const ask = async (path: string) => (await fetch(`${bot.url}${path}`, { headers: { connection: "close" } })).status;
    const ready = () => ask("/readyz");
    await expect.poll(ready).toBe(200);
    const away = async () => {
      world.cluster.put("builds", completedBuild("while-away"));
      await expect.poll(ready).toBe(503);
      expect(await ask("/livez")).toBe(200);
      await bot.bot.logged(({ msg }) => msg === "Jobs cannot be kept just now; the bot waits");
    };
    let failure: unknown;
    // The server is started again in any case, so that it can be closed.
    await server.restart("fast", () =>
      away().catch((error) => {
        failure = error;
      }),
    );
    if (failure) throw failure;
    await expect.poll(() => world.analysis.submissions.length).toBeGreaterThan(0);
    await expect.poll(ready).toBe(200);
    await bot.bot.logged(({ msg }) => msg === "Jobs can be kept again; the bot goes on");
    expect(await bot.bot.stop()).toBe(0);
  });
});
