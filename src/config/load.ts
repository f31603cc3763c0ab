import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { readProxies } from "../core/hosts/proxy.ts";
import { ConfigError } from "./config-error.ts";
import { doubtfulValues } from "./environment/doubtful-values.ts";
import { warnOfEnvLines } from "./environment/env-lines.ts";
import { guardForeignFile } from "./environment/foreign-env.ts";
import { crossCheck, isUnfilledParameter, nameOf, wrongValue } from "./environment/mistakes.ts";
import { warnOfUnknownVariables } from "./environment/unknown-variables.ts";
import { type Command, readCommandsFile } from "./files/commands-file.ts";
import { readSecretFiles } from "./files/secret-files.ts";
import { readTrackFile } from "./files/track-file.ts";
import { type Config, type Option, type OptionName, optionEntries, options } from "./options.ts";
import { defaultText, parseValue, type Value } from "./parse-value.ts";
import { type Environment, type Flags, findGiven, type Given, parseEnvFile, type Sources } from "./sources.ts";

export interface ConfigSources {
  readonly flags: Flags;
  readonly environment: Environment;
  /** The text of the `.env` file, if there is one. */
  readonly envFile?: string | undefined;
  /** Whether that file is next to the program and belongs to its owner, so that it may set everything. Default: yes. */
  readonly ownEnvFile?: boolean | undefined;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Settings that are valid but probably not intended; for the log. */
  readonly warnings: readonly string[];
}

/** The settings in order of precedence: flag, environment, `.env`, default. Throws one `ConfigError` with all mistakes. */
export function loadConfig({ flags, environment, envFile, ownEnvFile = true }: ConfigSources): LoadedConfig {
  const parsed = parseEnvFile(envFile);
  const { file, mistakes: foreign } = ownEnvFile ? { file: parsed, mistakes: [] } : guardForeignFile(parsed, flags, environment);
  const secrets = readSecretFiles(environment, file);
  const sources: Sources = { flags, environment: secrets.environment, file };
  const readings = optionEntries.map(([name, option]) => readOption(name, option, sources));
  const values: Partial<Config> = Object.fromEntries(readings.map(({ name, value }) => [name, value]));
  const tracked = readTracked(values);
  const commands = readCommands(values);
  const proxies = readProxies(environment);
  const config = {
    ...values,
    ...impliedValues(values),
    stateDirectory: stateDirectory(values, environment),
    track: tracked.names,
    commands: commands.list,
  };
  const wrong = new Set(readings.filter(({ mistake }) => mistake !== undefined).map(({ name }) => name));
  if (commands.mistakes.length > 0) wrong.add("commandsFile");
  const mistakes = [
    ...foreign,
    ...secrets.mistakes,
    ...readings.flatMap(({ mistake = [] }) => mistake),
    ...tracked.mistakes,
    ...commands.mistakes,
    ...crossCheck(config, wrong, ["stateDirectory"]),
    ...proxies.mistakes,
  ];
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return {
    config: config as Config,
    warnings: [
      ...warnOfEnvLines(envFile ?? ""),
      ...collectWarnings(readings, config, sources),
      ...secrets.warnings,
      ...proxies.warnings,
    ],
  };
}

interface Reading {
  readonly name: OptionName;
  readonly value?: Value;
  readonly mistake?: string;
  readonly warning?: string;
}

function readOption(name: OptionName, option: Option, sources: Sources): Reading {
  const given = findGiven(name, option, sources);
  if (!given) return { name, ...defaultValue(option) };
  if (isUnfilled(option, given)) {
    const warning = `${nameOf(name)} is ${given.text}, a template parameter that was not filled in; it counts as not set`;
    return { name, ...defaultValue(option), warning };
  }
  const parsed = parseValue(option, given.text);
  return "value" in parsed ? { name, value: parsed.value } : { name, mistake: wrongValue(name, given, parsed.expected) };
}

/** A switch that a template left as `${NAME}` must not stop a deployed bot. In any other setting it is a mistake, because it could widen what is watched. */
function isUnfilled({ type }: Option, { text, from }: Given): boolean {
  return type === "boolean" && from !== "flag" && isUnfilledParameter(text);
}

function defaultValue(option: Option): { readonly value?: Value } {
  const text = defaultText(option);
  if (option.type === "list" && text === undefined) return { value: [] };
  const parsed = text === undefined ? undefined : parseValue(option, text);
  return parsed && "value" in parsed ? parsed : {};
}

function impliedValues({ noRegistryTlsVerify, analyzers = [], analysisHost }: Partial<Config>): Partial<Config> {
  return {
    ...(noRegistryTlsVerify && { noSourceTlsVerify: true, noDestinationTlsVerify: true }),
    ...(analyzers.length === 0 && { analyzers: [analysisHost === undefined ? "packages" : "thoth"] }),
  };
}

/** The default follows the XDG base directory specification, which ignores relative paths. */
function stateDirectory(values: Partial<Config>, { XDG_STATE_HOME: stateHome, HOME: home }: Environment): string | undefined {
  if (values.stateDirectory !== undefined) return values.stateDirectory;
  if (stateHome && isAbsolute(stateHome)) return join(stateHome, "build-watcher");
  const directory = home || homeOfUser();
  return directory && join(directory, ".local", "state", "build-watcher");
}

/** A container can run under an unknown user id; Node throws then. */
function homeOfUser(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

function readTracked({ track = [], trackFile }: Partial<Config>): { names: readonly string[]; mistakes: readonly string[] } {
  if (trackFile === undefined) return { names: track, mistakes: [] };
  try {
    return { names: [...new Set([...track, ...readTrackFile(trackFile)])], mistakes: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { names: track, mistakes: error.mistakes.map((mistake) => `${nameOf("trackFile")}: ${mistake}`) };
  }
}

function readCommands({ commandsFile }: Partial<Config>): { list: readonly Command[]; mistakes: readonly string[] } {
  if (commandsFile === undefined) return { list: [], mistakes: [] };
  try {
    return { list: readCommandsFile(commandsFile, options.analyzers.choices), mistakes: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { list: [], mistakes: error.mistakes.map((mistake) => `${nameOf("commandsFile")}: ${mistake}`) };
  }
}

function collectWarnings(readings: readonly Reading[], config: Partial<Config>, { file, environment }: Sources): string[] {
  return [
    ...readings.flatMap(({ warning = [] }) => warning),
    ...idleSettings(config),
    ...idleSourceRegistry(config),
    ...idleDatabaseCa(config),
    ...hastySettings(config),
    ...doubtfulValues(config, Date.now()),
    ...warnOfUnknownVariables({ ...file, ...environment }),
  ];
}

/** Settings that have no effect without a push registry, or because of another setting. */
function idleSettings(config: Partial<Config>): string[] {
  if (config.pushRegistry !== undefined) {
    const both = config.pushTemplate !== undefined && config.pushLayout !== options.pushLayout.default;
    return both ? [`${nameOf("pushLayout")} has no effect beside ${nameOf("pushTemplate")}`] : [];
  }
  const copying = ["destinationUser", "destinationAuthfile", "pushTemplate", "pushSkip"] as const;
  const idle = copying.filter((name) => config[name] !== undefined && config[name].length > 0);
  const hint = `; the login of the registry that images come from is ${nameOf("sourceUser")}`;
  return idle.map(
    (name) => `${nameOf(name)} has no effect without ${nameOf("pushRegistry")}${name === "destinationUser" ? hint : ""}`,
  );
}

function idleSourceRegistry({ sourceRegistry = [], sourceUser }: Partial<Config>): string[] {
  if (sourceRegistry.length === 0 || sourceUser !== undefined) return [];
  return [`${nameOf("sourceRegistry")} has no effect without ${nameOf("sourceUser")}`];
}

function idleDatabaseCa({ databaseCa, databaseUrl }: Partial<Config>): string[] {
  if (databaseCa === undefined || databaseUrl !== undefined) return [];
  return [`${nameOf("databaseCa")} has no effect without ${nameOf("databaseUrl")}`];
}

function hastySettings({ giveUpAfter = 0, jobTimeout = 0 }: Partial<Config>): string[] {
  if (giveUpAfter > jobTimeout) return [];
  return [`${nameOf("giveUpAfter")} is no longer than ${nameOf("jobTimeout")}: a job that times out once is given up`];
}
