import { setTimeout as sleep } from "node:timers/promises";
import { knownSources } from "../../src/sources/index.ts";
import type { Loop } from "./axios-loop.ts";
import { type BotProcess, type BotProcessSettings, startBotProcess } from "./bot-process.ts";
import { type Measurement, quantile } from "./measurement.ts";
import { type Remote, startRemote } from "./remote.ts";
import type { Services, Submission } from "./services.ts";
import { compileShipped, type ShippedProgram } from "./shipped.ts";

const workers = 16;
const rounds = 3;
const builds = 1_500;

/** The bot against a bare loop of axios calls, everything on loopback, each part in a process of its own. Memory is measured as the image starts it. */
export async function* benchBot(): AsyncGenerator<Measurement> {
  await using shipped = await compileShipped();
  yield* await throughput(shipped);
  yield await memoryInPod(shipped);
  yield await withLogs();
  yield await latency();
  yield await memory(shipped);
}

/** How a bot is started. */
interface Variant {
  readonly flags: readonly string[];
  /** On a cluster with all build systems; how many kinds of builds the bot then watches. */
  readonly kinds?: number;
  /** Compiled, with what the image sets. */
  readonly inImage?: true;
}

const variants = {
  /** Only OpenShift's builds, and no others in the cluster. */
  alone: { flags: ["--no-build-log", "--sources", "builds"] },
  /** Every kind of builds there is, as the bot finds them itself. */
  everything: { flags: ["--no-build-log"], kinds: knownSources.length },
  image: { flags: ["--no-build-log", "--sources", "builds"], inImage: true },
} as const satisfies Readonly<Record<string, Variant>>;

/** Rounds of one after the other, so that the machine's noise meets all: each is compared with its neighbours of the same round. */
async function throughput(shipped: ShippedProgram): Promise<readonly Measurement[]> {
  const rates: { readonly [Name in keyof typeof variants | "bare"]: number[] } = {
    alone: [],
    everything: [],
    image: [],
    bare: [],
  };
  for (let round = 0; round < rounds; round++) {
    for (const [name, variant] of Object.entries(variants) as [keyof typeof variants, Variant][]) {
      const { milliseconds, submissions } = await completeAll(variant, variant.inImage && shipped);
      rates[name].push(rateOf(milliseconds));
      if (name === "alone") rates.bare.push(rateOf(await postAll(submissions, false)));
    }
  }
  const compare = (name: string, of: keyof typeof rates, over: keyof typeof rates, bound: Measurement["bound"]): Measurement => {
    const ratio = quantile(
      rates[of].map((rate, round) => rate / (rates[over][round] ?? Number.NaN)),
      0.5,
    );
    const [ours, theirs] = [quantile(rates[of], 0.5), quantile(rates[over], 0.5)];
    return {
      name,
      ratio,
      bound,
      detail: `${ours.toFixed(0)}/s over ${theirs.toFixed(0)}/s, median of ${rounds} pairs of ${builds}`,
    };
  };
  return [
    compare(`jobs a second through the bot, over axios calls a second, ${workers} at once`, "alone", "bare", { min: 0.5 }),
    compare("the same with all build systems watched, over OpenShift's builds alone", "everything", "alone", { min: 0.95 }),
    compare("the same in the image, where V8 is to save memory, over without", "image", "alone", {}),
  ];
}

async function withLogs(): Promise<Measurement> {
  const { milliseconds, submissions } = await completeAll({ flags: [] });
  const [ours, bare] = [rateOf(milliseconds), rateOf(await postAll(submissions, true))];
  const name = "jobs a second with the log of each build, over axios getting it and posting";
  return { name, ratio: ours / bare, bound: {}, detail: `${ours.toFixed(0)}/s over ${bare.toFixed(0)}/s, ${builds} builds` };
}

async function completeAll(
  { flags, kinds }: Variant,
  shipped?: ShippedProgram,
): Promise<{ readonly milliseconds: number; readonly submissions: readonly Submission[] }> {
  await using services = startRemote<Services>("./services.ts");
  const urls = await services.call("listen", kinds !== undefined);
  await services.call("run", builds);
  await using bot = await startBot(services, { ...urls, ...(shipped && { shipped }) }, flags, kinds);
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

function rateOf(milliseconds: number): number {
  return (builds * 1000) / milliseconds;
}

/** At a modest pace, so that the time of one build is seen and not the length of a queue. */
async function latency(): Promise<Measurement> {
  const [rate, count] = [50, 200];
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

async function memory(shipped: ShippedProgram): Promise<Measurement> {
  const [few, many] = [1_000, 10_000];
  await using services = startRemote<Services>("./services.ts");
  const urls = await services.call("listen");
  await using bot = await startBot(services, { ...urls, shipped });
  await bot.whileItRuns(services.call("live", 0, few));
  const before = await settledMemory(bot);
  await bot.whileItRuns(services.call("live", few, many - few));
  const after = await settledMemory(bot);
  return {
    name: `resident memory after ${many} builds, over that after ${few}`,
    ratio: after / before,
    bound: { max: 1.2 },
    detail: `${mebibytes(after)} MiB over ${mebibytes(before)} MiB`,
  };
}

/** As its image starts it, with its page and its probes, as in a pod. */
async function memoryInPod(shipped: ShippedProgram): Promise<Measurement> {
  const [count, most] = [2_000, 125 * 10 ** 6];
  await using services = startRemote<Services>("./services.ts");
  const urls = await services.call("listen");
  await using bot = await startBot(services, { ...urls, shipped, environment: { BUILD_WATCHER_SERVER: "1", PORT: "0" } });
  const idle = await settledMemory(bot);
  await bot.whileItRuns(services.call("live", 0, count));
  const after = await settledMemory(bot);
  return {
    name: `resident memory after ${count} builds with ${workers} workers and the page, over 125 MB`,
    ratio: after / most,
    bound: { max: 1 },
    detail: `${mebibytes(after)} MiB over ${mebibytes(most)} MiB; ${mebibytes(idle)} MiB before the first build`,
  };
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(0);
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
async function startBot(services: Remote<Services>, place: Place, flags: readonly string[] = [], kinds = 1): Promise<BotProcess> {
  const bot = await startBotProcess({ ...place, flags: ["--workers-count", String(workers), ...flags] });
  try {
    await bot.whileItRuns(services.call("watched", kinds));
    return bot;
  } catch (error) {
    await bot[Symbol.asyncDispose]();
    throw error;
  }
}
