import { setTimeout as sleep } from "node:timers/promises";
import type { Loop } from "./axios-loop.ts";
import { type BotProcess, startBotProcess } from "./bot-process.ts";
import { type Measurement, quantile } from "./measurement.ts";
import { type Remote, startRemote } from "./remote.ts";
import type { Services, Submission } from "./services.ts";

const workers = 16;
const rounds = 3;
const builds = 5_000;

/** The bot as it is shipped against a bare loop of axios calls, everything on loopback, each part in a process of its own. */
export async function benchBot(): Promise<readonly Measurement[]> {
  return [await throughput(), await latency(), await memory()];
}

async function throughput(): Promise<Measurement> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { milliseconds, submissions } = await completeAtOnce();
    ours.push(milliseconds);
    bare.push(await postAtOnce(submissions));
  }
  const [bot, loop] = [rateOf(ours), rateOf(bare)];
  return {
    name: `jobs a second through the bot, over axios calls a second, ${workers} at once`,
    ratio: bot / loop,
    bound: { min: 0.5 },
    detail: `${bot.toFixed(0)}/s over ${loop.toFixed(0)}/s, medians of ${rounds} rounds of ${builds}`,
  };
}

async function completeAtOnce(): Promise<{ readonly milliseconds: number; readonly submissions: readonly Submission[] }> {
  await using services = startRemote<Services>("./services.ts");
  const urls = await services.call("listen");
  await services.call("run", 0, builds);
  await using bot = await startBot(services, urls);
  const milliseconds = await bot.whileItRuns(services.call("complete", 0, builds));
  return { milliseconds, submissions: await services.call("submissions") };
}

async function postAtOnce(submissions: readonly Submission[]): Promise<number> {
  await using services = startRemote<Services>("./services.ts");
  await using loop = startRemote<Loop>("./axios-loop.ts");
  const { analysis } = await services.call("listen");
  return await loop.call("postAll", analysis, submissions, workers);
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
  await services.call("run", 0, count);
  await using bot = await startBot(services, urls);
  const ours = await bot.whileItRuns(services.call("completeEvenly", 0, count, rate));
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
async function settledMemory(bot: BotProcess): Promise<number> {
  const looks: number[] = [];
  for (let look = 0; look < 10; look++) {
    await sleep(200);
    looks.push(await bot.residentMemory());
  }
  return quantile(looks, 0.5);
}

/** Starts the bot and waits until it watches. */
async function startBot(
  services: Remote<Services>,
  urls: { readonly cluster: string; readonly analysis: string },
): Promise<BotProcess> {
  const flags = ["--workers-count", String(workers), ...(process.env.BENCH_FLAGS?.split(" ") ?? [])];
  const bot = await startBotProcess({ ...urls, namespace: "golang-builder", flags });
  await bot.whileItRuns(services.call("watched"));
  return bot;
}
