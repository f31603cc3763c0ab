import type { HostProcess } from "../children/run-directory.ts";
import { ConfigError } from "../config/config-error.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/options.ts";
import { describeConfig, secretsOf } from "../config/reference/describe.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { JobError, SetupError } from "../core/jobs/errors.ts";
import { DatabaseError } from "../postgres/index.ts";
import { LedgerError } from "../queue/index.ts";
import { QueueUnavailableError } from "../queue/job-queue.ts";
import { ServerError } from "../server/server-error.ts";
import { createLog, type Logger } from "../telemetry/log.ts";
import { tokenWarnings } from "./check/token.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { createCopyProgress } from "./copy-progress.ts";
import type { CommandCall } from "./declare-commands.ts";
import { describeProgram, type Invocation, parseArguments } from "./program.ts";
import { createScreen, type Output, type Screen, wantsColour } from "./screen.ts";

/** What commands see of the process. */
export interface Outside {
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly host: HostProcess;
  /** The text of the .env file, if there is one. */
  readonly envFile: string | undefined;
  /** Whether that file is next to the program and only its owner can write it. Default: true. */
  readonly ownEnvFile?: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly readInput: (path: string) => Promise<string>;
  /** Fires when the program is asked to stop. */
  readonly signal: AbortSignal;
  /** Sets what is called with an uncaught error before the process ends. */
  readonly onFatal: (report: (error: unknown) => void) => void;
  readonly clock?: Clock;
}

/** Runs one command line and resolves to the exit code: 0 well, 1 something failed, 2 the command line or the settings are wrong. */
export async function run(argv: readonly string[], outside: Outside): Promise<number> {
  const { stdout, stderr, environment } = outside;
  const { columns } = createScreen(stdout, { environment });
  const invocation = parseArguments(argv, { version: outside.version, columns });
  if (invocation.command === "print") {
    (invocation.exitCode === 0 ? outside.stdout : outside.stderr).write(invocation.text);
    return invocation.exitCode;
  }
  const screen = createScreen(stdout, { environment, logOutput: isOneShot(invocation.command) ? stderr : stdout });
  try {
    return await runCommand(invocation, outside, screen);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof UsageError)) throw error;
    outside.stderr.write(`build-watcher: ${error.message}\n`);
    return 2;
  }
}

async function runCommand(
  invocation: Exclude<Invocation, { command: "print" }>,
  outside: Outside,
  screen: Screen,
): Promise<number> {
  const { environment, envFile, ownEnvFile, clock, signal, readInput } = outside;
  if (invocation.command === "options") {
    screen.write((await import("../config/reference/render.ts")).renderReference(screen.columns));
    return 0;
  }
  if (invocation.command === "completion") {
    const { completionScript } = await import("./completion.ts");
    screen.write(completionScript(invocation.shell, describeProgram(outside.version)));
    return 0;
  }
  if (invocation.command === "check") {
    const { check } = await import("./check/check.ts");
    return check({ ...outside, flags: invocation.flags, screen }, invocation);
  }
  const { config, warnings } = loadConfig({
    flags: invocation.flags,
    environment,
    envFile,
    ownEnvFile,
  });
  const log = openLog(config, invocation.command, outside, screen);
  outside.onFatal((error) => tellFatal(log, error));
  if (isWorking(invocation.command)) {
    log.info({ version: outside.version, command: invocation.command, ...describeConfig(config) }, "build-watcher starts");
    for (const warning of [...warnings, ...tokenWarnings(config, environment)]) log.warn(warning);
  }
  const onCopy = createCopyProgress(screen, clock ?? systemClock);
  const context = {
    config,
    onCopy,
    environment,
    version: outside.version,
    host: outside.host,
    log,
    screen,
    signal,
    readInput,
    ...(clock && { clock }),
  };
  try {
    return await dispatch(invocation, context);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    tellFatal(log, error);
    return 1;
  }
}

/** Loads a command only when it runs: a bot needs none of the others. */
async function dispatch(call: CommandCall, context: CommandContext): Promise<number> {
  switch (call.command) {
    case "watch":
      return (await import("./commands/watch.ts")).watch(context);
    case "scan":
      return (await import("./commands/scan.ts")).scan(context);
    case "submit":
      return (await import("./commands/submit.ts")).submit(context, call.images);
    case "replay":
      return (await import("./commands/replay.ts")).replay(context, call.file);
    case "copy":
      return (await import("./commands/copy.ts")).copy(context, call.images);
    case "packages":
      return (await import("./commands/packages.ts")).packages(context, call);
    case "ledger-copy":
      return (await import("./commands/ledger.ts")).copyLedgers(context, call.from, call.to);
    case "sbom":
      return (await import("./commands/sbom.ts")).sbom(context, call.image);
    case "status":
      return (await import("./commands/status.ts")).status(context, call);
    case "logs":
      return (await import("./commands/logs.ts")).logs(context, call);
    case "jobs":
      return (await import("./commands/jobs.ts")).listJobs(context, call);
    case "jobs retry":
      return (await import("./commands/jobs.ts")).retryJobs(context, call);
    case "jobs dismiss":
      return (await import("./commands/jobs.ts")).dismissJobs(context, call.ids);
    case "demo":
      return (await import("./commands/demo.ts")).demo(context, call);
    case "check":
    case "completion":
    case "options":
      return 0;
  }
}

const working = new Set<CommandCall["command"]>(["watch", "scan", "submit", "replay"]);

function isWorking(command: CommandCall["command"]): boolean {
  return working.has(command);
}

/** Those that end by themselves: what they print is for a pipe, what they log is for a person. */
function isOneShot(command: Invocation["command"]): boolean {
  return command !== "watch" && command !== "demo";
}

function openLog(
  config: Config,
  command: CommandCall["command"],
  { stdout, stderr, environment }: Outside,
  screen: Screen,
): Logger {
  const oneShot = isOneShot(command);
  const { verbose, deploymentName, plainLog = oneShot || screen.isTerminal } = config;
  const colour = wantsColour(oneShot ? stderr : stdout, environment);
  const settings = { verbose, plain: plainLog, colour, deploymentName, secrets: secretsOf(config) };
  return createLog(settings, { write: (line) => screen.log(line) });
}

/** Logs the error that ends the bot: a known kind by its message, which says what to do, anything else with its stack. */
function tellFatal(log: Logger, error: unknown): void {
  if (error instanceof SetupError) log.fatal(error.message);
  else if (isExplained(error)) log.fatal({ reason: "reason" in error ? error.reason : error.name }, error.message);
  else log.fatal({ err: error }, "The bot ends because of an unexpected error");
}

function isExplained(error: unknown): error is Error {
  return [JobError, LedgerError, DatabaseError, QueueUnavailableError, ServerError].some((kind) => error instanceof kind);
}
