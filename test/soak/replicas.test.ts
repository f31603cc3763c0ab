import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { createWorld, type World } from "../support/bot.ts";
import { type BotProcess, startBotProcess } from "../support/bot-process.ts";
import { describePostgres, type PostgresServer, startPostgres, type TestDatabase } from "../support/postgres.ts";
import { startReceiver } from "../support/receiver-server.ts";
import { completedBuild, namespace, submissionsByBuild } from "../support/submissions.ts";

const wanted = { builds: 2_000, kills: 30, restarts: 5 };
/** Milliseconds between two of them. */
const pace = { burst: 400, kill: 2_500, restart: 15_000 };
const buildsInBurst = 10;
/** Milliseconds that replicas have for a build before it is pruned. */
const lifetime = 2_000;
/** Milliseconds after which no job of a dead replica may be claimed any more. */
const longestClaim = 15_000;
const workers = 4;

const between = (least: number, most: number) => least + Math.random() * (most - least);

describePostgres("three replicas that are killed, on a database that is restarted", () => {
  it("submit every build, repeat what was running at most, and each shows all of it", async () => {
    const server = await startPostgres();
    onTestFinished(() => server.close());
    const database = await server.createDatabase();
    await using world = await createWorld({ latency: () => between(0, 150) });
    const receiver = await startReceiver();
    await using replicas = await startReplicas(world, database, receiver.url);
    const outages = restartAgainAndAgain(server);
    const builds = completeBuilds(world, () => replicas.isOneWatching() && !outages.isDown());
    const claims = watchClaims(database, outages.isDown);

    let interrupted = 0;
    for (let kills = 0; kills < wanted.kills || builds.completed() < wanted.builds; kills += 1) {
      await pause(pace.kill);
      const dead = await replicas.killOne();
      interrupted += await claims.died(dead);
    }
    await builds.ended();
    await outages.ended();
    await expect.poll(() => submissionsByBuild(world.analysis).size).toBeGreaterThanOrEqual(builds.completed());
    await expect
      .poll(async () => (await replicas.statuses()).map(({ jobs }) => jobs.done))
      .toEqual(Array.from({ length: 3 }, () => builds.completed()));
    const tellings = () => Map.groupBy(receiver.received, ({ event }) => String(event.id));
    await expect.poll(() => tellings().size).toBe(builds.completed());
    await claims.ended();

    const repeated = repetitions(submissionsByBuild(world.analysis));
    const mostTold = Math.max(...[...tellings().values()].map(({ length }) => length));
    console.log(
      `${wanted.kills} kills, ${builds.completed()} builds, ${builds.pruned()} pruned, ${interrupted} interrupted, ${repeated} repeated, longest claim of a dead replica ${claims.longest()} ms, a notification ${mostTold} times at most`,
    );
    expect(builds.pruned()).toBeGreaterThan(wanted.builds / 2);
    expect(repeated).toBeLessThanOrEqual(interrupted);
    expect(interrupted, "or nothing was attacked").toBeGreaterThan(0);
    expect(claims.longest()).toBeLessThanOrEqual(longestClaim);
    expect(mostTold).toBeLessThanOrEqual(2);
  });
});

function repetitions(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count - 1, 0);
}

interface Status {
  readonly jobs: Readonly<Record<string, number>>;
}

/** Three bots, each started again after it was killed. */
async function startReplicas(world: World, { url }: TestDatabase, receiver: string) {
  await using opened = new AsyncDisposableStack();
  const directory = opened.adopt(await mkdtemp(join(tmpdir(), "build-watcher-replicas-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const running = new Map<number, BotProcess>();
  const watching = new Set<number>();
  const addresses = new Map<number, string>();
  opened.defer(async () => void (await Promise.all([...running.values()].map((bot) => bot.kill("SIGKILL")))));

  function start(place: number): BotProcess {
    const bot = startBotProcess(
      {
        ...world.environment,
        BUILD_WATCHER_DATABASE_URL: url,
        BUILD_WATCHER_STATE_DIR: join(directory, String(place)),
        BUILD_WATCHER_NOTIFY_URL: receiver,
        BUILD_WATCHER_FOLLOW: "0",
        BUILD_WATCHER_SERVER: "1",
        THOTH_VERBOSE_BUILD_WATCHER: "0",
        PORT: "0",
      },
      { argv: ["--workers-count", String(workers)] },
    );
    running.set(place, bot);
    const isStill = () => running.get(place) === bot;
    bot
      .logged((line) => line.url !== undefined)
      .then(
        ({ url }) => isStill() && addresses.set(place, String(url)),
        () => undefined,
      );
    bot
      .logged(({ msg }) => msg === "Builds listed; watching")
      .then(
        () => isStill() && watching.add(place),
        () => undefined,
      );
    return bot;
  }

  const first = [0, 1, 2].map(start);
  await Promise.all(first.map((bot) => bot.logged(({ msg }) => msg === "Builds listed; watching")));
  const parts = opened.move();
  const ask = (place: number, path: string) => fetch(`${addresses.get(place)}${path}`);

  return {
    isOneWatching: () => watching.size > 0,
    /** Kills one of those that run, and starts another in its place; answers the dead one's process. At least one goes on watching. */
    async killOne(): Promise<number> {
      await expect.poll(() => watching.size).toBeGreaterThan(1);
      const place = [...watching][Math.floor(Math.random() * watching.size)] ?? 0;
      const bot = running.get(place);
      watching.delete(place);
      addresses.delete(place);
      await bot?.kill("SIGKILL");
      start(place);
      return bot?.pid ?? 0;
    },
    async statuses(): Promise<readonly Status[]> {
      await expect.poll(() => addresses.size).toBe(3);
      return Promise.all([0, 1, 2].map(async (place) => (await (await ask(place, "/api/status")).json()) as Status));
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Lets builds complete at an even pace, and prunes each when replicas have had its lifetime for it. */
function completeBuilds({ cluster }: World, isWatched: () => boolean) {
  const living = new Map<string, number>();
  let completed = 0;
  let pruned = 0;
  let watched = 0;
  let last = performance.now();
  const { promise: ended, resolve } = Promise.withResolvers<void>();

  const completing = setInterval(() => {
    for (let burst = 0; burst < buildsInBurst; burst += 1) {
      completed += 1;
      living.set(`app-${completed}`, watched);
      cluster.put("builds", completedBuild(`app-${completed}`));
    }
    if (completed >= wanted.builds) clearInterval(completing);
  }, pace.burst);
  const pruning = setInterval(() => {
    if (isWatched()) watched += performance.now() - last;
    last = performance.now();
    for (const [name, since] of living) {
      if (watched - since < lifetime) continue;
      living.delete(name);
      cluster.remove("builds", namespace, `${name}-1`);
      pruned += 1;
    }
    if (living.size > 0 || completed < wanted.builds) return;
    clearInterval(pruning);
    resolve();
  }, 50);
  return { completed: () => completed, pruned: () => pruned, ended: () => ended };
}

/** Restarts the database so many times, by turns as an administrator and as a crash does. */
function restartAgainAndAgain(server: PostgresServer) {
  let isDown = false;
  const ended = (async () => {
    for (let restart = 0; restart < wanted.restarts; restart += 1) {
      await pause(pace.restart);
      isDown = true;
      await server.restart(restart % 2 ? "immediate" : "fast", () => pause(between(0, 1_500)));
      isDown = false;
    }
  })();
  return { isDown: () => isDown, ended: () => ended };
}

/** Milliseconds between two looks whether jobs are still claimed. */
const lookPace = 100;

/** Looks how long jobs stay claimed by replicas that are dead; time in which the database was down, or this machine stood still, does not count. */
function watchClaims(database: TestDatabase, isDown: () => boolean) {
  const watched: Promise<void>[] = [];
  let longest = 0;

  async function read(sql: string): Promise<readonly Record<string, unknown>[]> {
    for (;;) {
      try {
        return await database.query(sql);
      } catch {
        await pause(lookPace);
      }
    }
  }

  async function untilFree(claims: string): Promise<void> {
    let claimed = 0;
    for (let left = true; left; ) {
      const [began, wasDown] = [performance.now(), isDown()];
      await pause(lookPace);
      const isLate = performance.now() - began > 10 * lookPace;
      const rows = await read(`SELECT 1 FROM build_watcher.jobs WHERE claim IN (${claims}) LIMIT 1`);
      left = rows.length > 0;
      if (!isLate && !wasDown && !isDown()) claimed += performance.now() - began;
    }
    longest = Math.max(longest, Math.round(claimed));
  }

  return {
    longest: () => longest,
    ended: () => Promise.all(watched),
    /** Answers how many jobs a process ran when it was killed. */
    async died(pid: number): Promise<number> {
      const rows = await read(
        `SELECT claim, queue FROM build_watcher.jobs JOIN build_watcher.replicas r ON r.id = replica WHERE state = 'running' AND r.name LIKE '%-${pid}'`,
      );
      if (rows.length > 0) watched.push(untilFree(rows.map(({ claim }) => `'${claim}'`).join()));
      return rows.filter(({ queue }) => queue === "submit").length;
    },
  };
}
