import { settledMemory } from "./bot.ts";
import { startBotProcess } from "./bot-process.ts";
import type { LargeTekton } from "./large-tekton.ts";
import { type Measurement, quantile } from "./measurement.ts";
import { startRemote } from "./remote.ts";
import { compileShipped, type ShippedProgram } from "./shipped.ts";

const [few, many] = [1_000, 20_000];
const rounds = 3;

/** Build systems whose objects are many and large. */
export async function benchSources(): Promise<readonly Measurement[]> {
  await using shipped = await compileShipped();
  const pairs: { readonly small: number; readonly large: number }[] = [];
  for (let round = 0; round < rounds; round++)
    pairs.push({ small: await memoryWith(few, shipped), large: await memoryWith(many, shipped) });
  const ratio = quantile(
    pairs.map(({ small, large }) => large / small),
    0.5,
  );
  const median = (of: "small" | "large") =>
    (
      quantile(
        pairs.map((pair) => pair[of]),
        0.5,
      ) /
      1024 ** 2
    ).toFixed(0);
  return [
    {
      name: `resident memory with ${many} PipelineRuns of 30 kB listed and watched, over that with ${few}`,
      ratio,
      bound: { max: 1.3 },
      detail: `${median("large")} MiB over ${median("small")} MiB, median of ${rounds} pairs`,
    },
  ];
}

/** Of a bot, as its image starts it, that listed so many PipelineRuns and saw each of them change once. */
async function memoryWith(count: number, shipped: ShippedProgram): Promise<number> {
  await using tekton = startRemote<LargeTekton>("./large-tekton.ts");
  const cluster = await tekton.call("listen");
  await tekton.call("hold", count);
  const flags = ["--sources", "tekton", "--analyzers", "none", "--no-base"];
  await using bot = await startBotProcess({ cluster, namespace: "shop-tenant", flags, shipped });
  await bot.whileItRuns(tekton.call("watched"));
  await bot.whileItRuns(tekton.call("changeAll"));
  return await settledMemory(bot);
}
