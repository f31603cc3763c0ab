import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import { sleep, systemClock } from "../core/clock.ts";
import { type AnalysisApi, createAnalysisApi } from "../demo/analysis-api.ts";
import { createOpenShiftApi } from "../demo/openshift-api.ts";
import { demoNamespace, demoScenes, expectedSubmissions, furnishCluster, playScenario } from "../demo/scenario.ts";
import type { CommandContext } from "./command.ts";
import { watch } from "./watch.ts";

/** Milliseconds between two events of the story. */
const pace = 500;

/** The bot at work on an emulated cluster and analysis service, both on the loopback: 0 when everything arrived as it should. */
export async function demo(context: CommandContext, { forever }: { readonly forever: boolean }): Promise<number> {
  const { screen } = context;
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  const tell = (line: string) => screen.write(`▶ ${line}\n`);
  await using opened = new AsyncDisposableStack();
  const cluster = opened.adopt(createOpenShiftApi(), (api) => api.close());
  const analysis = opened.adopt(createAnalysisApi({ searchUi: "https://thoth.example.com/search" }), (api) => api.close());
  const stateDirectory = opened.adopt(await mkdtemp(join(tmpdir(), "build-watcher-demo-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  await Promise.all([cluster.listen(), analysis.listen()]);
  furnishCluster(cluster);
  tell(`an emulated cluster at ${cluster.url}, an emulated User API at ${analysis.url}`);

  const settings = {
    namespaces: [demoNamespace],
    clusterUrl: cluster.url,
    analysisHost: analysis.url,
    workers: 2,
    analyzeExisting: true,
    server: false,
  };
  const { verbose, plainLog } = context.config;
  const config = { ...loadConfig({ flags: {}, environment: {} }).config, ...settings, verbose, plainLog, stateDirectory };
  const bot = watch({ ...context, config, environment: {}, signal });
  const story = async () => {
    for (let round = 0; !signal.aborted && (round === 0 || forever); round += 1) {
      await playScenario({ cluster, tell, pause: () => sleep(systemClock, pace, signal) }, round);
    }
    await Promise.race([
      analysis.waitFor(({ submissions }) => submissions.length >= expectedSubmissions),
      sleep(systemClock, 10_000, signal),
    ]);
    ended.abort();
  };
  await Promise.all([bot, story()]);
  return summarize(analysis, tell);
}

function summarize({ submissions }: AnalysisApi, tell: (line: string) => void): number {
  tell(
    `${demoScenes} builds ended; the User API received ${submissions.length} submissions, of ${expectedSubmissions} expected:`,
  );
  for (const { endpoint, query, body } of submissions) {
    const { output_image: image = query.image } = (body ?? {}) as { output_image?: string };
    tell(`  POST /${endpoint}  ${image}`);
  }
  return submissions.length >= expectedSubmissions ? 0 : 1;
}
