import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/cli/run.ts";
import type { Clock } from "../../src/core/clock.ts";
import { type AnalysisApi, createAnalysisApi } from "../../src/demo/analysis-api.ts";
import { createOpenShiftApi, type OpenShiftApi, type OpenShiftApiOptions } from "../../src/demo/openshift-api.ts";
import { putEmptyLedger } from "./empty-ledger.ts";
import { writeKubeconfig } from "./kubeconfig.ts";

export interface Bot {
  /** Every log line so far, parsed. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly stderr: () => string;
  /** Everything written to standard output. */
  readonly stdout: () => string;
  /** Resolves with the exit code. */
  readonly exit: Promise<number>;
  /** Resolves when a line is logged, or was, for which the condition holds. */
  logged(condition: (line: Readonly<Record<string, unknown>>) => boolean): Promise<Readonly<Record<string, unknown>>>;
  /** Asks the bot to stop, as SIGTERM does. */
  stop(): Promise<number>;
}

/** An emulated cluster and User API with everything a bot needs to run against them; disposed of together. */
export interface World extends AsyncDisposable {
  readonly cluster: OpenShiftApi;
  readonly analysis: AnalysisApi;
  readonly stateDirectory: string;
  readonly kubeconfig: string;
  /** The variables a bot of this world is started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs the whole program in this process. */
  bot(argv?: readonly string[], environment?: Readonly<Record<string, string>>, clock?: Clock): Bot;
}

export interface WorldOptions extends OpenShiftApiOptions {
  readonly token?: string;
  readonly namespace?: string;
  /** Milliseconds before the User API answers a request. */
  readonly latency?: () => number;
  /** What the User API says of an analysis, one state a question; it stays at the last one. */
  readonly states?: readonly string[];
}

export async function createWorld({
  token,
  namespace = "golang-builder",
  latency,
  states,
  ...options
}: WorldOptions = {}): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const cluster = opened.adopt(createOpenShiftApi(options), (api) => api.close());
  const analysis = opened.adopt(createAnalysisApi({ ...(latency && { latency }), ...(states && { states }) }), (api) =>
    api.close(),
  );
  await Promise.all([cluster.listen(), analysis.listen()]);
  const stateDirectory = opened.adopt(await mkdtemp(join(tmpdir(), "build-watcher-test-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const kubeconfig = opened.adopt(await writeKubeconfig({ server: cluster.url, namespace, ...(token && { token }) }), (file) =>
    file.remove(),
  );
  const bots: Bot[] = [];
  opened.defer(async () => void (await Promise.all(bots.map((bot) => bot.stop()))));
  const world = opened.move();
  const usual = {
    KUBECONFIG: kubeconfig.path,
    THOTH_USER_API_HOST: analysis.url,
    BUILD_WATCHER_STATE_DIR: stateDirectory,
    THOTH_LOGGING_NO_JSON: "0",
    THOTH_VERBOSE_BUILD_WATCHER: "1",
    BUILD_WATCHER_SERVER: "0",
  };

  return {
    cluster,
    analysis,
    stateDirectory,
    kubeconfig: kubeconfig.path,
    environment: usual,
    bot(argv = [], environment = {}, clock) {
      const isCommand = argv[0]?.startsWith("-") === false;
      if (!isCommand && !existsSync(join(stateDirectory, "ledger.db"))) putEmptyLedger(stateDirectory);
      const bot = startBot(argv, { ...usual, ...environment }, { clock });
      bots.push(bot);
      return bot;
    },
    [Symbol.asyncDispose]: () => world.disposeAsync(),
  };
}

/** Runs the whole program in this process, with nothing of this process' environment. */
export function startBot(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  { input = "", clock }: { readonly input?: string; readonly clock?: Clock | undefined } = {},
): Bot {
  const stop = new AbortController();
  const stdout = createSink();
  const stderr = createSink();
  const exit = run(argv, {
    version: "0.0.0-test",
    environment,
    host: process,
    envFile: undefined,
    stdout,
    stderr,
    readInput: async () => input,
    signal: stop.signal,
    onFatal: () => undefined,
    ...(clock && { clock }),
  });

  // The bot logs to standard output, a command that ends by itself to standard error.
  const lines = () => [...stdout.lines(), ...stderr.lines()];

  return {
    get lines() {
      return lines();
    },
    stdout: stdout.text,
    stderr: stderr.text,
    exit,
    async logged(condition) {
      for (;;) {
        const line = lines().find(condition);
        if (line) return line;
        await Promise.race([
          stdout.written(),
          stderr.written(),
          exit.then((code) => Promise.reject(new Error(`The bot ended with ${code}: ${stdout.text()}${stderr.text()}`))),
        ]);
      }
    },
    stop() {
      stop.abort();
      return exit;
    },
  };
}

/** Each line is parsed once, though whoever waits for one looks at all of them again and again. */
function createSink() {
  const chunks: string[] = [];
  const parsed: Record<string, unknown>[] = [];
  let rest = "";
  let waiting = Promise.withResolvers<void>();
  return {
    write(chunk: string) {
      chunks.push(chunk);
      rest += chunk;
      waiting.resolve();
      waiting = Promise.withResolvers();
    },
    text: () => chunks.join(""),
    lines(): readonly Record<string, unknown>[] {
      const complete = rest.split("\n");
      rest = complete.pop() ?? "";
      parsed.push(...complete.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)));
      return parsed;
    },
    written: () => waiting.promise,
  };
}
