import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../config/load.ts";
import type { Config } from "../../config/options.ts";
import { aborted, sleep, systemClock } from "../../core/clock.ts";
import { type AnalysisApi, createAnalysisApi } from "../../demo/analysis-api.ts";
import { demoNamespace } from "../../demo/build-scenes.ts";
import { createOpenShiftApi } from "../../demo/openshift-api.ts";
import { type DemoRegistry, missingPrograms, startDemoRegistry } from "../../demo/registry.ts";
import { furnishCluster, noBuilds, playScenario, refusedImage, type Totals } from "../../demo/scenario.ts";
import { createLog } from "../../telemetry/log.ts";
import type { CommandContext } from "../command.ts";
import { type Arrived, allArrived, imagesAfter, isAsPlayed, readArrivals, waitingOf } from "../demo-arrivals.ts";
import { createNarrator, type Narrator } from "../demo-narrator.ts";
import { answerQuestion } from "../demo-question.ts";
import { watch } from "./watch.ts";

export interface DemoCall {
  /** Goes on with new builds until it is stopped. */
  readonly forever: boolean;
  /** Neither waits between events nor stays at the end. */
  readonly fast: boolean;
}

/** Milliseconds between two events of the story, for eyes and for tests. */
const pace = 2_800;
const fastPace = 300;
/** Milliseconds the last jobs may take. */
const patience = 120_000;

/** The bot at work on an emulated cluster and analysis service, both on the loopback: 0 when everything arrived as it should. */
export async function demo(context: CommandContext, { forever, fast }: DemoCall): Promise<number> {
  const narrator = createNarrator(context.screen);
  const { tell } = narrator;
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  await using opened = new AsyncDisposableStack();
  const registry = await openRegistry(context, opened, tell);
  const cluster = opened.adopt(
    createOpenShiftApi({ publicRegistry: registry?.host, installed: ["shipwright.io", "tekton.dev"] }),
    (api) => api.close(),
  );
  const analysis = opened.adopt(createAnalysisApi(), (api) => api.close());
  const stateDirectory = opened.adopt(await mkdtemp(join(tmpdir(), "build-watcher-demo-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  await Promise.all([cluster.listen(), analysis.listen()]);
  analysis.faults((_number, request) => (JSON.stringify(request).includes(refusedImage) ? refusal : undefined));
  await furnishCluster(cluster, registry);
  tell("An emulated OpenShift cluster and an emulated analysis service run on this machine. The bot starts.");

  const places = { clusterUrl: cluster.url, analysisHost: analysis.url, stateDirectory, ...copying(registry) };
  const own = { ...context, ...botContext(context, narrator, places), signal };
  let totals = noBuilds;
  const reached = (condition: (api: AnalysisApi) => boolean) =>
    Promise.race([analysis.waitFor(condition), sleep(systemClock, patience, signal)]);
  const story = async () => {
    // What was there before comes first: the startup pass and a build may both see an image whose build is just ending.
    await reached(({ submissions }) => submissions.length > 0);
    const pause = () => sleep(systemClock, fast ? fastPace : pace, signal);
    const service = { down: analysis.down, up: analysis.up, received: () => analysis.received, reached };
    const stage = { cluster, registry, analysis: service, tell, pause, signal };
    for (let round = 0; !signal.aborted && (round === 0 || forever); round += 1) {
      totals = await playScenario(stage, round, totals);
      if (round > 0 || signal.aborted) continue;
      await allArrived(own, totals, patience, signal);
      await pause();
      if (!signal.aborted) await answerQuestion(own, readsImages(own.config), tell);
    }
    const stays = !fast && context.screen.isTerminal;
    tellEnd(await readArrivals(own), totals, narrator, stays && !signal.aborted);
    if (stays) await aborted(signal);
  };
  await together([watch(own), story()], ended, context.signal);
  return context.signal.aborted || isAsPlayed(await readArrivals(own), totals) ? 0 : 1;
}

/** Waits for all of them, and ends the others when one has ended. Throws the first error, unless the others or the user had stopped it. */
async function together(parts: readonly Promise<unknown>[], ended: AbortController, stopped: AbortSignal): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    parts.map(async (part) => {
      try {
        await part;
      } catch (error) {
        if (!ended.signal.aborted && !stopped.aborted) failure ??= { error };
      } finally {
        ended.abort();
      }
    }),
  );
  if (failure) throw failure.error;
}

const refusal = { status: 400, body: { error: "the architecture arm64 is not supported" } };

/** A real registry, so that images are really copied; without the programs the demo goes on and says what to install. */
async function openRegistry(
  { environment }: CommandContext,
  opened: AsyncDisposableStack,
  tell: (line: string) => void,
): Promise<DemoRegistry | undefined> {
  const missing = missingPrograms(["skopeo", "docker-registry"], environment.PATH);
  if (missing.length === 0) return opened.use(await startDemoRegistry(environment.PATH));
  tell(`Images are not copied. To see that as well, install ${missing.join(" and ")}: apt-get install ${missing.join(" ")}`);
  return undefined;
}

/** Both the cluster's registry and the one copied to are the demo's; the images of other registries do not exist. */
function copying(registry: DemoRegistry | undefined): Partial<Config> {
  if (!registry) return {};
  return {
    pushRegistry: `${registry.host}/mirror`,
    pushSkip: ["docker.io"],
    noSourceTlsVerify: true,
    noDestinationTlsVerify: true,
  };
}

/** Nothing of the operator's own settings but how the log looks. With --verbose that is the bot's own log, else a line for each event. */
function botContext({ config, environment, log }: CommandContext, narrator: Narrator, places: Partial<Config>) {
  const { verbose, plainLog } = config;
  const usual = loadConfig({ flags: {}, environment: {} }).config;
  // Without a registry there is no image to read.
  const analyzers = places.pushRegistry === undefined ? ["thoth"] : ["thoth", "packages"];
  const settings = { namespaces: [demoNamespace], analyzers, workers: 2, analyzeExisting: true, server: true, port: 0 };
  const told = { verbose: false, plain: false, colour: false, deploymentName: undefined, secrets: [] };
  return {
    config: { ...usual, ...settings, verbose, plainLog, ...places },
    environment: { PATH: environment.PATH },
    log: verbose ? log : createLog(told, { write: narrator.hear }),
  };
}

function readsImages({ analyzers }: Config): boolean {
  return analyzers.includes("packages");
}

const tellings = {
  thoth: ({ done, failed }: Arrived) => `Thoth: ${done} submitted, ${failed} refused by the service`,
  packages: ({ done, failed }: Arrived) =>
    `Packages: the bot itself looked into ${done}${failed > 0 ? `, ${failed} failed` : ""}`,
};

function tellEnd(arrived: readonly Arrived[], totals: Totals, { tell, pageUrl }: Narrator, stays: boolean): void {
  const { succeeded, failed, cancelled } = totals;
  tell(`${succeeded + failed + cancelled} builds ended: ${succeeded} succeeded, ${failed} failed, ${cancelled} cancelled.`);
  tell(`One image was there before, so there were ${imagesAfter(totals)} images.`);
  for (const one of arrived) {
    const left = waitingOf(one, totals);
    tell(`${tellings[one.analyzer as keyof typeof tellings](one)}${left > 0 ? `, ${left} still waited` : ""}.`);
  }
  const page = pageUrl();
  if (page !== undefined && stays) tell(`The page stays at ${page} until you press Ctrl-C.`);
  tell("Next: npm start -- check -n <your namespace>, which changes nothing, or npm run demo -- --forever.");
}
