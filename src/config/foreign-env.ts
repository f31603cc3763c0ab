import { nameOf } from "./mistakes.ts";
import { type OptionName, optionEntries, options } from "./options.ts";
import type { Environment, Flags } from "./sources.ts";

/**
 * What anybody may choose: what is watched, how fast, how much is told, and logins, which go only to hosts that the operator named. Every other
 * setting can name a program, a host or a file, let secrets or a stranger further, or write.
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
  "shipwrightSelector",
  "tektonSelector",
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
 * The variables of a `.env` file that lies in some working directory: whoever wrote it must not choose which program runs and where secrets go.
 * A setting that is not harmless is a mistake unless flag or environment set it as well.
 */
export function guardForeignFile(file: Environment, flags: Flags, environment: Environment): GuardedFile {
  const named = optionNames.filter((name) => file[options[name].env] && !harmless.includes(name));
  const variables = new Set<string>(named.map((name) => options[name].env));
  const used = named.filter((name) => flags[name] === undefined && !environment[options[name].env]);
  return {
    file: Object.fromEntries(Object.entries(file).filter(([variable]) => !variables.has(variable))),
    mistakes: used.map(
      (name) => `${nameOf(name)} is not taken from the .env of a working directory: set it in the environment or as a flag`,
    ),
  };
}
