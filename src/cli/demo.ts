import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/options.ts";
import { sleep, systemClock } from "../core/clock.ts";
import { type AnalysisApi, createAnalysisApi } from "../demo/analysis-api.ts";
import { createOpenShiftApi } from "../demo/openshift-api.ts";
import { type DemoRegistry, missingPrograms, startDemoRegistry } from "../demo/registry.ts";
import { demoNamespace, demoScenes, expectedSubmissions, furnishCluster, playScenario } from "../demo/scenario.ts";
import type { CommandContext } from "./command.ts";
import { watch } from "./watch.ts";

/** Milliseconds between two events of the story. */
const pace = 500;
/** Milliseconds the last submissions may take. */
const patience = 10_000;

/** The bot at work on an emulated cluster and analysis service, both on the loopback: 0 when everything arrived as it should. */
export async function demo(context: CommandContext, { forever }: { readonly forever: boolean }): Promise<number> {
  const tell = (line: string) => context.screen.write(`▶ ${line}\n`);
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  await using opened = new AsyncDisposableStack();
  const registry = await openRegistry(context, opened, tell);
  const cluster = opened.adopt(createOpenShiftApi({ publicRegistry: registry?.host }), (api) => api.close());
  const analysis = opened.adopt(createAnalysisApi({ searchUi: "https://thoth.example.com/search" }), (api) => api.close());
  const stateDirectory = opened.adopt(await mkdtemp(join(tmpdir(), "build-watcher-demo-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  await Promise.all([cluster.listen(), analysis.listen()]);
  await furnishCluster(cluster, registry);
  tell(`an emulated cluster at ${cluster.url}, an emulated User API at ${analysis.url}`);

  const places = { clusterUrl: cluster.url, analysisHost: analysis.url, stateDirectory, ...copying(registry) };
  const bot = watch({
    ...context,
    config: demoConfig(context.config, places),
    environment: { PATH: context.environment.PATH },
    signal,
  });
  const story = async () => {
    // What lay there before comes first: the startup pass and a build may both see an image whose build is just ending.
    await Promise.race([analysis.waitFor(({ submissions }) => submissions.length > 0), sleep(systemClock, patience, signal)]);
    for (let round = 0; !signal.aborted && (round === 0 || forever); round += 1) {
      await playScenario({ cluster, registry, tell, pause: () => sleep(systemClock, pace, signal) }, round);
    }
    const arrived = analysis.waitFor(({ submissions }) => submissions.length >= expectedSubmissions);
    await Promise.race([arrived, sleep(systemClock, patience, signal)]);
    ended.abort();
  };
  await Promise.all([bot, story()]);
  return summarize(analysis, tell);
}

/** A real registry, so that images are really copied; without the programs the demo goes on and says what to install. */
async function openRegistry(
  { environment }: CommandContext,
  opened: AsyncDisposableStack,
  tell: (line: string) => void,
): Promise<DemoRegistry | undefined> {
  const missing = missingPrograms(["skopeo", "docker-registry"], environment.PATH);
  if (missing.length === 0) return opened.use(await startDemoRegistry(environment.PATH));
  tell(`images are not copied: install ${missing.join(" and ")} (apt-get install ${missing.join(" ")}) to see that, too`);
  return undefined;
}

/** Both the cluster's registry and the one copied to are the demo's; the images of other registries do not exist. */
function copying(registry: DemoRegistry | undefined): Partial<Config> {
  if (!registry) return {};
  return {
    pushRegistry: `${registry.host}/mirror`,
    pushSkip: ["docker.io", "registry.example.com"],
    noSourceTlsVerify: true,
    noDestinationTlsVerify: true,
  };
}

/** Nothing of the operator's own settings but how the log looks. */
function demoConfig({ verbose, plainLog }: Config, places: Partial<Config>): Config {
  const { config } = loadConfig({ flags: {}, environment: {} });
  return {
    ...config,
    namespaces: [demoNamespace],
    workers: 2,
    analyzeExisting: true,
    server: true,
    port: 0,
    verbose,
    plainLog,
    ...places,
  };
}

function summarize({ submissions }: AnalysisApi, tell: (line: string) => void): number {
  const received = `the User API received ${submissions.length} submissions, of ${expectedSubmissions} expected:`;
  tell(`${demoScenes} builds ended; ${received}`);
  for (const { endpoint, query, body } of submissions) {
    const { output_image: image = query.image } = (body ?? {}) as { output_image?: string };
    tell(`  POST /${endpoint}  ${image}`);
  }
  return submissions.length >= expectedSubmissions ? 0 : 1;
}
