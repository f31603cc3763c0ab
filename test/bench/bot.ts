import { setTimeout as sleep } from "node:timers/promises";
import type { Loop } from "./axios-loop.ts";
import { type BotProcess, type BotProcessSettings, startBotProcess } from "./bot-process.ts";
import { type Measurement, quantile } from "./measurement.ts";
import { type Remote, startRemote } from "./remote.ts";
import type { Services, Submission } from "./services.ts";

const workers = 16;
const rounds = 3;
const builds = 5_000;

/** The bot as it is shipped against a bare loop of axios calls, everything on loopback, each part in a process of its own. */
export async function benchBot(): Promise<readonly Measurement[]> {
  const posts = `jobs a second through the bot, over axios calls a second, ${workers} at once`;
  const logs = "the same with the log of each build, over axios getting it and posting";
  return [
    { ...(await throughput(posts, false)), bound: { min: 0.5 } },
    await throughput(logs, true),
    await latency(),
    await memory(),
  ];
}

/** Rounds of one and the other by turns, so that the machine's noise meets both. */
async function throughput(name: string, logs: boolean): Promise<Measurement> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { milliseconds, submissions } = await completeAll(logs);
    ours.push(milliseconds);
    bare.push(await postAll(submissions, logs));
  }
  const [bot, loop] = [rateOf(ours), rateOf(bare)];
  const detail = `${bot.toFixed(0)}/s over ${loop.toFixed(0)}/s, medians of ${rounds} rounds of ${builds}`;
  return { name, ratio: bot / loop, bound: {}, detail };
}

async function completeAll(
  logs: boolean,
): Promise<{ readonly milliseconds: number; readonly submissions: readonly Submission[] }> {
  await using services = startRemote<Services>("./services.ts");
  const urls = await services.call("listen");
  await services.call("run", builds);
  await using bot = await startBot(services, urls, logs ? [] : ["--no-build-log"]);
  const milliseconds = await bot.whileItRuns(services.call("completeAll", builds));
  return { milliseconds, submissions: await services.call("submissions") };
}

async function postAll(submissions: readonly Submission[], logs: boolean): Promise<number> {
  await using services = startRemote<Services>("./services.ts");
  await using loop = startRemote<Loop>("./axios-loop.ts");
  const { analysis, cluster } = await services.call("listen");
  await services.call("fill", builds);
  return await loop.call("postAll", analysis, submissions, workers, ...(logs ? [cluster] : []));
}

function rateOf(milliseconds: readonly number[]): number {
  return (builds * 1000) / quantile(milliseconds, 0.5);
}

/** At a modest pace, so that the time of one build is seen and not the length of a queue. */
async function latency(): Promise<Measurement> {
  const [rate, count] = [50, 500];
  await using services = startRemote<Services>("./services.ts");
  await using loop = startRemote<Loop>("./axios-loop.ts");
  const urls = await services.call("listen");
  await services.call("run", count);
  await using bot = await startBot(services, urls);
  const ours = await bot.whileItRuns(services.call("completeEvenly", count, rate));
  const bare = await loop.call("postEvenly", urls.analysis, await services.call("submissions"), rate);
  return {
    name: "median time from the Complete event to the request, over that of a bare axios call",
    ratio: quantile(ours, 0.5) / quantile(bare, 0.5),
    bound: {},
    detail: `${spread(ours)} over ${spread(bare)}, ${count} builds, ${rate} a second`,
  };
}

function spread(milliseconds: readonly number[]): string {
  return `${quantile(milliseconds, 0.5).toFixed(1)} ms (99 %: ${quantile(milliseconds, 0.99).toFixed(1)} ms)`;
}

async function memory(): Promise<Measurement> {
  const [few, many] = [1_000, 50_000];
  await using services = startRemote<Services>("./services.ts");
  const urls = await services.call("listen");
  await using bot = await startBot(services, urls);
  await bot.whileItRuns(services.call("live", 0, few));
  const before = await settledMemory(bot);
  await bot.whileItRuns(services.call("live", few, many - few));
  const after = await settledMemory(bot);
  const mebibytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(0);
  return {
    name: `resident memory after ${many} builds, over that after ${few}`,
    ratio: after / before,
    bound: { max: 1.2 },
    detail: `${mebibytes(after)} MiB over ${mebibytes(before)} MiB`,
  };
}

/** The median over two seconds at rest: a single look can meet a garbage collection on either side. */
export async function settledMemory(bot: BotProcess): Promise<number> {
  const looks: number[] = [];
  for (let look = 0; look < 10; look++) {
    await sleep(200);
    looks.push(await bot.residentMemory());
  }
  return quantile(looks, 0.5);
}

type Place = Omit<BotProcessSettings, "flags">;

/** Starts the bot and waits until it watches. */
async function startBot(services: Remote<Services>, place: Place, flags: readonly string[] = []): Promise<BotProcess> {
  const bot = await startBotProcess({ ...place, flags: ["--workers-count", String(workers), ...flags] });
  try {
    await bot.whileItRuns(services.call("watched"));
    return bot;
  } catch (error) {
    await bot[Symbol.asyncDispose]();
    throw error;
  }
}
