import { type OptionName, optionEntries, options } from "../options.ts";
import { selectorNames } from "../selectors.ts";
import type { Environment, Flags } from "../sources.ts";
import { nameOf } from "./mistakes.ts";

/**
 * Settings that anybody may choose: what is watched, how fast, how much is logged, and logins, which go only to hosts that the operator named. Every
 * other setting can name a program, a host or a file, give away secrets or access, or write to the cluster.
 */
const harmless: readonly OptionName[] = [
  "namespaces",
  "namespaceSelector",
  "namespaceExclude",
  "sources",
  "since",
  "analyzeExisting",
  "failedBuilds",
  "labelSelector",
  ...selectorNames,
  "tektonTasks",
  "tektonFailed",
  "tektonIgnoreResults",
  "track",
  "layerCache",
  "sbomVersion",
  "environmentType",
  "noBase",
  "noOutput",
  "noBuildLog",
  "buildLogLimit",
  "debug",
  "force",
  "dryRun",
  "follow",
  "followFor",
  "sourceUser",
  "sourcePassword",
  "sourceRegistries",
  "destinationUser",
  "destinationPassword",
  "pushSkip",
  "workers",
  "perNamespace",
  "perRegistry",
  "jobTimeout",
  "giveUpAfter",
  "keep",
  "shutdownGrace",
  "watchTimeout",
  "server",
  "port",
  "notifyFormat",
  "verbose",
  "plainLog",
  "streamLogs",
  "deploymentName",
];

const optionNames = optionEntries.map(([name]) => name);

export interface GuardedFile {
  readonly file: Environment;
  readonly mistakes: readonly string[];
}

/**
 * The variables of a `.env` file in some working directory. Its author must not choose which program runs or where secrets go.
 * A setting that is not harmless is a mistake, unless a flag or the environment sets it as well.
 */
export function guardForeignFile(file: Environment, flags: Flags, environment: Environment): GuardedFile {
  const named = optionNames.filter((name) => file[options[name].env] && !harmless.includes(name));
  const variables = new Set<string>(named.map((name) => options[name].env));
  const used = named.filter((name) => flags[name] === undefined && !environment[options[name].env]);
  return {
    file: Object.fromEntries(Object.entries(file).filter(([variable]) => !variables.has(variable))),
    mistakes: used.map(
      (name) => `${nameOf(name)} is not read from the .env of the working directory: set it in the environment or as a flag`,
    ),
  };
}
