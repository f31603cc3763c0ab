import { nameOf } from "./mistakes.ts";
import { type OptionName, options } from "./options.ts";
import type { Environment, Flags } from "./sources.ts";

/** Programs that are run, hosts that are sent secrets, and switches that let secrets go further. */
const guarded: readonly OptionName[] = [
  "skopeoPath",
  "analysisHost",
  "passToken",
  "pushRegistry",
  "sourceRegistry",
  "trustedHosts",
  "registryRoute",
  "registryCerts",
  "clusterUrl",
  "notifyUrl",
  "databaseUrl",
  "databaseCa",
  "noTlsVerify",
  "noSourceTlsVerify",
  "noDestinationTlsVerify",
  "noRegistryTlsVerify",
  "verifyClusterTls",
];

export interface GuardedFile {
  readonly file: Environment;
  readonly mistakes: readonly string[];
}

/**
 * The variables of a `.env` file that lies in some working directory: whoever wrote it must not choose which program runs and where secrets go.
 * Such a setting is a mistake unless flag or environment set it as well.
 */
export function guardForeignFile(file: Environment, flags: Flags, environment: Environment): GuardedFile {
  const named = guarded.filter((name) => file[options[name].env]);
  const variables = new Set<string>(named.map((name) => options[name].env));
  const used = named.filter((name) => flags[name] === undefined && !environment[options[name].env]);
  return {
    file: Object.fromEntries(Object.entries(file).filter(([variable]) => !variables.has(variable))),
    mistakes: used.map(
      (name) => `${nameOf(name)} is not taken from the .env of a working directory: set it in the environment or as a flag`,
    ),
  };
}
